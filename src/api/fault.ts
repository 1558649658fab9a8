/** What the API answers when it refuses: a value, decided where the refusal happens, in AWS's words where AWS has them. */

/** Errors that every service shares ("Common Errors" of the AWS references), with their HTTP status. */
export const COMMON_FAULTS = {
  AccessDenied: 403,
  IncompleteSignature: 403,
  InternalFailure: 500,
  InvalidAction: 400,
  InvalidClientTokenId: 403,
  MalformedQueryString: 400,
  MissingAction: 400,
  MissingAuthenticationToken: 403,
  MissingParameter: 400,
  NotImplemented: 501,
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
