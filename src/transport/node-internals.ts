/**
 * The few pieces of Node below `node:net` that the handle transport drives directly: semi-public, unchanged from
 * Node 20 to 26, feature-tested at start (transport/choose.ts) with `node:net` to fall back on. Measured: a third less
 * CPU per request than sockets, and a quarter of the memory per idle connection (bench/RESULTS.md).
 */

export interface SocketName {
  address?: string;
  port?: number;
  family?: string;
}

/** A request object of libuv's; `oncomplete` is called when the operation did not finish at once. */
export interface WriteRequest {
  oncomplete: (this: WriteRequest, status: number) => void;
  /** Keeps the bytes alive while the kernel reads them. */
  buffer: Uint8Array | undefined;
  context: unknown;
}

export interface ConnectRequest {
  oncomplete: (this: ConnectRequest, status: number) => void;
  context: unknown;
}

export interface ShutdownRequest {
  oncomplete: (this: ShutdownRequest) => void;
  /** Ours: the connection that it belongs to, for as long as that wants to know. */
  context: unknown;
}

export interface StreamHandle {
  /** Called for every read; what it returns, if anything, is the buffer for the next ones. */
  onread: (this: StreamHandle) => Uint8Array | undefined;
  /** Ours: the connection that the handle belongs to. */
  context: unknown;
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number;
  shutdown(request: ShutdownRequest): number;
  close(callback?: () => void): void;
}

export interface TcpHandle extends StreamHandle {
  /** -1 while there is no socket. */
  readonly fd: number;
  connect(request: ConnectRequest, address: string, port: number): number;
  connect6(request: ConnectRequest, address: string, port: number): number;
  getpeername(out: SocketName): number;
  getsockname(out: SocketName): number;
  setNoDelay(on: boolean): number;
  reset(callback?: () => void): number;
}

/** Node's TLSWrap: OpenSSL between a TCP handle and whoever reads and writes. Takes one write at a time, and copies it. */
export interface TlsHandle extends StreamHandle {
  onhandshakestart: (this: TlsHandle) => void;
  onhandshakedone: (this: TlsHandle) => void;
  onnewsession: (id: Buffer, session: Buffer) => void;
  onerror: (this: TlsHandle, error: Error & { code?: string }) => void;
  start(): void;
  /** Takes bytes as if they had been read from the TCP handle. */
  receive(bytes: Uint8Array): void;
  setVerifyMode(requestCertificate: boolean, rejectUnauthorized: boolean): void;
  enableSessionCallbacks(): void;
  setSession(session: Buffer): void;
  isSessionReused(): boolean;
  getCipher(): { name: string; version: string };
  getProtocol(): string;
  getPeerCertificate(abbreviated: boolean): { raw?: Buffer } | undefined;
  /** Of data, decrypted. */
  readonly bytesRead: number;
  destroySSL(): void;
  /** Ours: keeps both alive as long as the handle. */
  parent: TcpHandle | undefined;
  secureContext: unknown;
}

export interface ServerHandle {
  setNoDelay(on: boolean): number;
  onconnection: (status: number, client: TcpHandle | undefined) => void;
}

export interface NodeInternals {
  readonly TCP: new (type: number) => TcpHandle;
  readonly TCPConnectWrap: new () => ConnectRequest;
  readonly WriteWrap: new () => WriteRequest;
  readonly ShutdownWrap: new () => ShutdownRequest;
  readonly socketType: number;
  readonly streamBaseState: ArrayLike<number>;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
  /** Puts TLS on a TCP handle; `context` is the native part of a SecureContext. */
  readonly wrapTls: (tcp: TcpHandle, context: unknown, isServer: boolean, hasActiveWrite: boolean) => TlsHandle;
}

interface Bindings {
  readonly tcp_wrap: {
    TCP: NodeInternals['TCP'];
    TCPConnectWrap: NodeInternals['TCPConnectWrap'];
    constants: { SOCKET: number };
  };
  readonly stream_wrap: Omit<NodeInternals, 'TCP' | 'TCPConnectWrap' | 'socketType' | 'wrapTls'>;
  readonly tls_wrap: { wrap: NodeInternals['wrapTls'] };
}

/** The internals of this Node, or undefined where any of them is missing or has another form. */
export function nodeInternals(): NodeInternals | undefined {
  const binding = (process as unknown as { binding?: <K extends keyof Bindings>(name: K) => Bindings[K] }).binding;
  if (typeof binding !== 'function') return undefined;
  try {
    const tcp = binding.call(process, 'tcp_wrap') as Bindings['tcp_wrap'];
    const stream = binding.call(process, 'stream_wrap') as Bindings['stream_wrap'];
    const tls = binding.call(process, 'tls_wrap') as Bindings['tls_wrap'];
    const internals: NodeInternals = {
      TCP: tcp.TCP,
      TCPConnectWrap: tcp.TCPConnectWrap,
      WriteWrap: stream.WriteWrap,
      ShutdownWrap: stream.ShutdownWrap,
      socketType: tcp.constants.SOCKET,
      streamBaseState: stream.streamBaseState,
      kReadBytesOrError: stream.kReadBytesOrError,
      kLastWriteWasAsync: stream.kLastWriteWasAsync,
      wrapTls: tls.wrap,
    };
    return Object.values(internals).every((part) => part !== undefined) && hasMethods(internals)
      ? internals
      : undefined;
  } catch {
    return undefined;
  }
}

function hasMethods(internals: NodeInternals): boolean {
  const methods = ['useUserBuffer', 'readStart', 'readStop', 'writeBuffer', 'shutdown', 'close', 'connect', 'reset'];
  const prototype = internals.TCP.prototype as unknown as Record<string, unknown>;
  return methods.every((method) => typeof prototype[method] === 'function');
}
