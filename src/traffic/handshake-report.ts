import { isTlsError, PUBLIC_KEY_REFUSED } from '../transport/transport.ts';
import type { ThreadContext } from './context.ts';

/** Tells control what a connection that never came up has shown of its target; `code` as in `onClose`. */
export function reportHandshake({ report }: ThreadContext, slot: number, code: string): void {
  if (code === PUBLIC_KEY_REFUSED) report({ type: 'publicKeyRefused', slot });
  else if (isTlsError(code)) report({ type: 'tlsFailed', slot });
}
