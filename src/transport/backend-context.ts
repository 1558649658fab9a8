/** TLS towards instances, the same for traffic and for health checks: where one of them has no handshake, the other has none. */
import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';

/** By whether a key is asked for. One takes 0.3 ms to make: as many as there are instances would hold up a thread. */
const contexts = new Map<boolean, SecureContext>();

/**
 * Any instance is talked to, however old its TLS: who it is, is decided by its public key alone, if by anything. Where nobody asks
 * who it is, it need not know of secure renegotiation (RFC 5746) either, which OpenSSL 3 asks of every server: that keeps others from putting
 * something ahead of what is said to the right one. Who was asked for a key has no second handshake
 * (client-handshake.ts). The same context every time: it keeps no sessions.
 */
export function backendContext(asksForKey: boolean): SecureContext {
  const context = contexts.get(asksForKey) ?? makeContext(asksForKey);
  contexts.set(asksForKey, context);
  return context;
}

function makeContext(asksForKey: boolean): SecureContext {
  return createSecureContext({
    minVersion: 'TLSv1',
    ciphers: 'ALL:!aNULL:@SECLEVEL=0',
    secureOptions: asksForKey ? constants.SSL_OP_NO_RENEGOTIATION : constants.SSL_OP_LEGACY_SERVER_CONNECT,
  });
}
