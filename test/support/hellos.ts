/** First messages of TLS clients: the smallest, ones that are too long, and the same one cut into records in another way. */

const RECORD_HEADER_BYTES = 5;
const MESSAGE_HEADER_BYTES = 4;
const PADDING = 21;

/** Of TLS 1.2, without extensions: nothing that could be answered is smaller. */
export function smallestHello(): Buffer {
  const version = [3, 3];
  const noSession = [0];
  const rsaWithAes128Sha = [0, 2, 0x00, 0x2f];
  const noCompression = [1, 0];
  const body = Buffer.from([...version, ...Buffer.alloc(32, 7), ...noSession, ...rsaWithAes128Sha, ...noCompression]);
  return inRecords(helloMessage(body), 2 ** 14);
}

/** The same in the form of SSL 2, which clients of old began with (RFC 5246, appendix E.2). */
export function smallestSsl2Hello(): Buffer {
  const challenge = Buffer.alloc(16, 7);
  const body = Buffer.from([1, 3, 3, 0, 3, 0, 0, 0, challenge.length, 0, 0, 0x2f, ...challenge]);
  return Buffer.concat([Buffer.from([0x80, body.length]), body]);
}

/** The message in records. */
export function messageOf(records: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < records.length;) {
    const end = at + RECORD_HEADER_BYTES + records.readUInt16BE(at + 3);
    parts.push(records.subarray(at + RECORD_HEADER_BYTES, end));
    at = end;
  }
  return Buffer.concat(parts);
}

/** A handshake message in records of so many bytes. */
export function inRecords(message: Buffer, bytes: number): Buffer {
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += bytes) {
    const content = message.subarray(at, at + bytes);
    records.push(Buffer.from([22, 3, 1, content.length >> 8, content.length & 0xff]), content);
  }
  return Buffer.concat(records);
}

/** A hello, in records, with so many bytes more that mean nothing (RFC 7685); gives the message. */
export function paddedHello(records: Buffer, bytes: number): Buffer {
  const body = messageOf(records).subarray(MESSAGE_HEADER_BYTES);
  const session = 34;
  const ciphers = session + 1 + body[session]!;
  const compression = ciphers + 2 + body.readUInt16BE(ciphers);
  const extensions = compression + 1 + body[compression]!;
  const padding = Buffer.alloc(4 + bytes);
  padding.writeUInt16BE(PADDING, 0);
  padding.writeUInt16BE(bytes, 2);
  const others = body.subarray(extensions + 2);
  const lengths = Buffer.alloc(2);
  lengths.writeUInt16BE(others.length + padding.length);
  return helloMessage(Buffer.concat([body.subarray(0, extensions), lengths, others, padding]));
}

/** A ClientHello that says that it has so many bytes, whatever follows. */
export function helloHeader(bytes: number): Buffer {
  const header = Buffer.from([1, 0, 0, 0]);
  header.writeUIntBE(bytes, 1, 3);
  return header;
}

function helloMessage(body: Buffer): Buffer {
  return Buffer.concat([helloHeader(body.length), body]);
}
