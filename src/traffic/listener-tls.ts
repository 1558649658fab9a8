/**
 * TLS of one listener in one thread. A changed certificate or policy becomes a new context that the next handshake
 * takes; connections that are up go on with what they agreed on. New tickets are of the same context.
 */
import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../kit/assert.ts';
import { backendContext } from '../transport/backend-context.ts';
import type { ClientTls, ServerTls, TlsInfo } from '../transport/transport.ts';
import { HANDSHAKE_COUNTERS } from './counters.ts';
import { handshakeCell, handshakeFailureCell } from './handshake-counters.ts';
import type { CompiledTls } from './snapshot.ts';

/** Seconds that a ticket is good for. */
const SESSION_TIMEOUT_SECONDS = 300;

/**
 * Of this thread, by `CompiledTls.key`: one certificate often serves many listeners, and a context takes 0.3 ms to make and 22 KB to
 * keep. As long as somebody has it.
 */
const contexts = new Map<string, WeakRef<SecureContext>>();
const unused = new FinalizationRegistry((key: string) => {
  if (contexts.get(key)?.deref() === undefined) contexts.delete(key);
});

export class ListenerTls implements ServerTls {
  context: SecureContext;
  /** Why the latest certificate or policy does not serve; what served before goes on. */
  failure: string | undefined;
  readonly admits: ServerTls['admits'];
  readonly #counters: Float64Array;
  /** What the context is made of, unless there is a failure. */
  #latest: CompiledTls;

  /** `counters`: this thread's row of the load balancer. `admits`: may this client connect? */
  constructor(compiled: CompiledTls, counters: Float64Array, admits: ServerTls['admits']) {
    this.admits = admits;
    this.#counters = counters;
    this.#latest = compiled;
    // Without a certificate no handshake succeeds: what a listener has that could not be given a better one.
    this.context = this.#make() ?? createSecureContext();
  }

  update(compiled: CompiledTls): void {
    const before = this.#latest;
    if (compiled.key === before.key) return;
    this.#latest = compiled;
    // A context takes 0.3 ms to make, and all listeners get their new tickets at the same moment.
    if (this.failure === undefined && isSameButTickets(before, compiled)) renewTickets(this.context, before, compiled);
    else this.context = this.#make() ?? this.context;
  }

  #make(): SecureContext | undefined {
    try {
      const context = contextOf(this.#latest);
      this.failure = undefined;
      return context;
    } catch (error) {
      this.failure = `TLS cannot be set up: ${messageOf(error)}`;
      return undefined;
    }
  }

  onHandshake(info: TlsInfo | undefined, error: string | undefined): void {
    const cell = HANDSHAKE_COUNTERS + (info === undefined ? handshakeFailureCell(error ?? '') : handshakeCell(info));
    this.#counters[cell] = this.#counters[cell]! + 1;
  }
}

function isSameButTickets(before: CompiledTls, after: CompiledTls): boolean {
  return isDeepStrictEqual({ ...before, key: '', ticketKey: '' }, { ...after, key: '', ticketKey: '' });
}

function contextOf(compiled: CompiledTls): SecureContext {
  const known = contexts.get(compiled.key)?.deref();
  return known ?? remember(compiled.key, makeServerContext(compiled));
}

function remember(key: string, context: SecureContext): SecureContext {
  contexts.set(key, new WeakRef(context));
  unused.register(context, key);
  return context;
}

/** As `tls.Server` does it (setTicketKeys). Whoever shares the context is told the same in the same message. */
function renewTickets(context: SecureContext, before: CompiledTls, { key, ticketKey }: CompiledTls): void {
  (context.context as { setTicketKeys(keys: Buffer): void }).setTicketKeys(Buffer.from(ticketKey));
  if (contexts.get(before.key)?.deref() === context) contexts.delete(before.key);
  if (contexts.get(key)?.deref() !== context) remember(key, context);
}

/**
 * What handshakes are made with.
 * @throws what OpenSSL has against the certificate, the key or the ciphers.
 */
export function makeServerContext(compiled: Omit<CompiledTls, 'key'>): SecureContext {
  return createSecureContext({
    cert: compiled.certificate,
    key: compiled.privateKey,
    ciphers: compiled.ciphers,
    minVersion: compiled.minVersion,
    maxVersion: compiled.maxVersion,
    honorCipherOrder: compiled.honorCipherOrder,
    // A renegotiation costs us far more than the client that asks for it.
    secureOptions: compiled.secureOptions | constants.SSL_OP_NO_RENEGOTIATION,
    // A standard group (RFC 3526) as strong as the certificate's key: there are no parameters to make and to keep.
    dhparam: 'auto',
    sessionTimeout: SESSION_TIMEOUT_SECONDS,
    ticketKeys: Buffer.from(compiled.ticketKey),
  });
}

/** TLS towards one target. `publicKeys` as in CompiledListener. */
export function backendTls(publicKeys: readonly string[] | undefined): ClientTls {
  const accepted = publicKeys === undefined ? undefined : new Set(publicKeys);
  return {
    context: backendContext(accepted !== undefined),
    session: undefined,
    accepts: accepted === undefined ? undefined : (publicKey) => accepted.has(publicKey.toString('base64')),
  };
}
