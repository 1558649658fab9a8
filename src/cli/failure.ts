/** What stops a command: told in one line where it is the operator's to put right, with its stack where it is ours. */
import { errorCode, messageOf } from '../kit/assert.ts';
import { CredentialsError } from '../api/credentials.ts';
import { StoreError } from '../store/records.ts';
import { ConfigurationError } from './configuration-problems.ts';

export const EXIT_FINE = 0;
export const EXIT_REFUSED = 1;
export const EXIT_WRONG_USAGE = 2;
/** The control thread failed while it ran: a service manager starts weir again. */
export const EXIT_FAILED = 3;

/** A start that cannot go on; the message tells the operator what to do. */
export class StartError extends Error {
  override name = 'StartError';
}

/** Wrong usage is what stands on the command line; what stands in files and variables is a refusal. */
export function exitCodeOf(error: unknown): number {
  const usage = error instanceof ConfigurationError && error.problems.every(({ source }) => source.startsWith('--'));
  return usage ? EXIT_WRONG_USAGE : EXIT_REFUSED;
}

/** The text for standard error. */
export function failureText(error: unknown): string {
  // Its lines begin with the file already.
  if (error instanceof ConfigurationError) return `${error.message}\n`;
  if (error instanceof StartError || error instanceof StoreError || error instanceof CredentialsError) {
    return `weir: ${error.message}\n`;
  }
  if (isSystemError(error)) return `weir: ${error.message}${REMEDIES[error.code] ?? ''}\n`;
  return `weir: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
}

/** The system refused something: the code and the path in the message say what. */
function isSystemError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string';
}

/** Behind the message of the system, where that does not say what would be right. */
const REMEDIES: Readonly<Record<string, string>> = {
  EMFILE: '. Let weir have more files open (ulimit -n, LimitNOFILE= of systemd); each connection is one',
};

/** Why the API cannot listen where it should, by the error of the system, and what the operator can do. */
export function whyNoApi(error: unknown): string {
  const elsewhere = 'or give the API another address (--api HOST:PORT, api: in the file)';
  switch (errorCode(error)) {
    case 'EADDRINUSE':
      return `another program, perhaps another weir, listens there. Stop it, ${elsewhere}.`;
    case 'EACCES':
      return `this user may not open that port. Run weir as a user that may, ${elsewhere}.`;
    case 'EADDRNOTAVAIL':
      return `this machine does not have that address. Add it to an interface, ${elsewhere}.`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `that host name has no address. Name it in /etc/hosts or in DNS, ${elsewhere}.`;
    default:
      return messageOf(error);
  }
}
