/** What the API answers when it refuses: a value, decided where the refusal happens, in AWS's words where AWS has them. */

/** Errors that every service shares ("Common Errors" of the AWS references), with their HTTP status. */
export const COMMON_FAULTS = {
  AccessDenied: 403,
  IncompleteSignature: 403,
  InternalFailure: 500,
  InvalidAction: 400,
  InvalidClientTokenId: 403,
  MalformedQueryString: 400,
  MalformedRequest: 400,
  MethodNotAllowed: 405,
  MissingAction: 400,
  MissingAuthenticationToken: 403,
  MissingParameter: 400,
  NotFound: 404,
  RequestEntityTooLarge: 413,
  RequestExpired: 403,
  RequestHeaderFieldsTooLarge: 431,
  RequestTimeout: 408,
  ServiceUnavailable: 503,
  SignatureDoesNotMatch: 403,
  UnsupportedMediaType: 415,
  ValidationError: 400,
} as const;

export type CommonFaultCode = keyof typeof COMMON_FAULTS;

/** A refused call. Nothing was changed. */
export class Fault<Code extends string = string> {
  readonly code: Code;
  /** HTTP status. */
  readonly status: number;
  /** What was wrong, where, and what would be right. */
  readonly message: string;

  constructor(code: Code, status: number, message: string) {
    this.code = code;
    this.status = status;
    this.message = message;
  }

  /** Whose fault it is, as AWS says it. */
  get type(): 'Sender' | 'Receiver' {
    return this.status >= 500 ? 'Receiver' : 'Sender';
  }
}

export function commonFault<Code extends CommonFaultCode>(code: Code, message: string): Fault<Code> {
  return new Fault(code, COMMON_FAULTS[code], message);
}

/** A peer's text for a message: cut, since a message must not grow with what it complains about. */
export function shown(text: string, maxLength = 64): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength)}…`;
}

const MAX_NAMED_VIOLATIONS = 10;

/** Stands for a value that must not be shown, not even to who sent it. */
export const HIDDEN = Symbol('a value that is not shown');

/** One broken rule of a call's input, in AWS's form: `Value 'abc' at 'pageSize' failed to satisfy constraint: …`. */
export function violation(
  value: string | number | typeof HIDDEN | undefined,
  path: string,
  constraint: string,
): string {
  if (value === HIDDEN) return `Value at '${path}' failed to satisfy constraint: ${constraint}`;
  const given = value === undefined ? 'null' : `'${shown(`${value}`)}'`;
  return `Value ${given} at '${path}' failed to satisfy constraint: ${constraint}`;
}

/** The `ValidationError` that lists `violations` (at least one). */
export function validationFault(violations: readonly string[]): Fault<'ValidationError'> {
  const count = violations.length === 1 ? '1 validation error' : `${violations.length} validation errors`;
  return commonFault('ValidationError', `${count} detected: ${violations.slice(0, MAX_NAMED_VIOLATIONS).join('; ')}`);
}

/** The `ValidationError` that lists `violations`, if there are any. */
export function violationsFault(violations: readonly string[]): Fault<'ValidationError'> | undefined {
  return violations.length === 0 ? undefined : validationFault(violations);
}

/** A {@link violation} when `value` is given and out of the range. */
export function rangeViolations(
  value: number | undefined,
  path: string,
  { min, max }: { readonly min: number; readonly max: number },
): readonly string[] {
  if (value === undefined || (value >= min && value <= max)) return [];
  const bound = value < min ? `greater than or equal to ${min}` : `less than or equal to ${max}`;
  return [violation(value, path, `Member must have value ${bound}`)];
}
