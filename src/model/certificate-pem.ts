/** PEM (RFC 7468): blocks between BEGIN and END lines; text around them is explanation and is left out. */

export interface PemBlock {
  /** `CERTIFICATE`, `EC PRIVATE KEY` … */
  readonly label: string;
  readonly bytes: Buffer;
  /** `Proc-Type: 4,ENCRYPTED`: the old form of a key with a passphrase. */
  readonly isEncrypted: boolean;
}

const BEGIN = /^-----BEGIN ([A-Z0-9 ]{1,64})-----$/;
const HEADER = /^[A-Za-z-]{1,64}:/;

/** The blocks of `text` in their order; undefined when one does not end, or holds something else than base64. */
export function readPem(text: string): readonly PemBlock[] | undefined {
  const blocks: PemBlock[] = [];
  const lines = text.split(/\r\n|\n|\r/).map((line) => line.trim());
  for (let at = 0; at < lines.length; at++) {
    const label = BEGIN.exec(lines[at]!)?.[1];
    if (label === undefined) continue;
    const end = lines.indexOf(`-----END ${label}-----`, at);
    if (end < 0) return undefined;
    const inside = lines.slice(at + 1, end);
    const headers = inside.filter((line) => HEADER.test(line));
    const bytes = readBase64(inside.slice(headers.length).join(''));
    if (bytes === undefined && headers.length === 0) return undefined;
    const isEncrypted = headers.some((line) => line.includes('ENCRYPTED'));
    blocks.push({ label, bytes: bytes ?? Buffer.alloc(0), isEncrypted });
    at = end;
  }
  return blocks;
}

/** A block in lines of 64 characters, without a line end behind it. */
export function formatPem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`].join('\n');
}

function readBase64(text: string): Buffer | undefined {
  if (text === '' || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  return Buffer.from(text, 'base64');
}
