/**
 * Where a ClientHello ends, in TLS records as they arrive (RFC 8446 5.1, 4; RFC 5246 E.2 for the form of SSL 2). Looks at
 * lengths alone: whether what lies between them is any good, is for TLS to say.
 */

/** The hello is there. */
export const HELLO_WHOLE = 0;
/** This is no hello, and whatever follows does not make it one. */
export const NO_HELLO = -1;

const RECORD_HEADER_BYTES = 5;
const MAX_RECORD_BYTES = 2 ** 14;
const HANDSHAKE_RECORD = 22;
const MAJOR_VERSION = 3;
const MESSAGE_HEADER_BYTES = 4;
const CLIENT_HELLO = 1;
/** Lengths of three bytes, behind the type of a message. */
const LENGTH_RANGE = 2 ** 24;
/** Version, random, session, ciphers, compression and extensions, each as long as their lengths allow: what OpenSSL goes by too. */
const MAX_HELLO_BYTES = 2 + 32 + (1 + 32) + (2 + 65_534) + (1 + 255) + (2 + 65_535);
const SSL2_HEADER_BYTES = 2;

/**
 * What the beginning of a connection lacks of a whole ClientHello: so many bytes must be there before more can be said of it
 * (always more than there are), or {@link HELLO_WHOLE}, or {@link NO_HELLO}.
 */
export function helloNeeds(bytes: Uint8Array): number {
  if (bytes.length < RECORD_HEADER_BYTES) return RECORD_HEADER_BYTES;
  if ((bytes[0]! & 0x80) !== 0 && bytes[2] === CLIENT_HELLO) return ssl2HelloNeeds(bytes);
  let messageBytes = 0;
  let messageHeader = 0;
  for (let at = 0; ;) {
    const start = at + RECORD_HEADER_BYTES;
    if (bytes.length < start) return start;
    const recordBytes = bytes[at + 3]! * 256 + bytes[at + 4]!;
    if (bytes[at + 1] !== MAJOR_VERSION || recordBytes > MAX_RECORD_BYTES) return NO_HELLO;
    const end = start + recordBytes;
    if (bytes.length < end) return end;
    if (bytes[at] !== HANDSHAKE_RECORD) return NO_HELLO;
    // A message may be cut into records anywhere, its header too.
    const headerEnd = Math.min(end, start + Math.max(0, MESSAGE_HEADER_BYTES - messageBytes));
    for (let i = start; i < headerEnd; i++) messageHeader = messageHeader * 256 + bytes[i]!;
    messageBytes += recordBytes;
    if (messageBytes >= MESSAGE_HEADER_BYTES) {
      const helloBytes = messageHeader % LENGTH_RANGE;
      if (Math.floor(messageHeader / LENGTH_RANGE) !== CLIENT_HELLO || helloBytes > MAX_HELLO_BYTES) return NO_HELLO;
      if (messageBytes >= MESSAGE_HEADER_BYTES + helloBytes) return HELLO_WHOLE;
    }
    at = end;
  }
}

function ssl2HelloNeeds(bytes: Uint8Array): number {
  const recordBytes = (bytes[0]! & 0x7f) * 256 + bytes[1]!;
  if (recordBytes > MAX_RECORD_BYTES) return NO_HELLO;
  const end = SSL2_HEADER_BYTES + recordBytes;
  return bytes.length < end ? end : HELLO_WHOLE;
}
