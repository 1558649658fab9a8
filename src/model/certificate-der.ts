/** DER (X.690), as far as X.509 certificates need it: what node:crypto neither writes nor tells of one. */
import { assert } from '../kit/assert.ts';

/** Tags of universal types, and of the context-specific ones that certificates use. */
export const DER = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  utcTime: 0x17,
  generalizedTime: 0x18,
  /** `[n] EXPLICIT`, and the choice `[n]` of a primitive type. */
  explicit: (number: number) => 0xa0 | number,
  choice: (number: number) => 0x80 | number,
} as const;

/** One element: tag, length, content. */
export function derElement(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), derLength(content.length), content]);
}

export function derSequence(...members: readonly Uint8Array[]): Buffer {
  return derElement(DER.sequence, ...members);
}

/** A number that is not negative, from its big-endian bytes. */
export function derInteger(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const sign = (bytes[start] ?? 0) >= 0x80 ? [0] : [];
  return derElement(DER.integer, Buffer.from(sign), bytes.subarray(start));
}

/** An object identifier from its dotted form. */
export function derOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [40 * first + second, ...rest].flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return derElement(DER.oid, Buffer.from(bytes));
}

export function derText(text: string): Buffer {
  return derElement(DER.utf8String, Buffer.from(text));
}

/** Whole bytes. */
export function derBitString(bytes: Uint8Array): Buffer {
  return derElement(DER.bitString, Buffer.from([0]), bytes);
}

/** UTCTime up to 2049, GeneralizedTime from then on (RFC 5280 4.1.2.5); to the second. */
export function derTime(epochMs: number): Buffer {
  const digits = `${new Date(epochMs).toISOString().replace(/\D/g, '').slice(0, 14)}Z`;
  const isEarly = digits < '2050';
  return derElement(isEarly ? DER.utcTime : DER.generalizedTime, Buffer.from(isEarly ? digits.slice(2) : digits));
}

function derLength(length: number): Buffer {
  assert(length < 0x1000000, 'a certificate is small');
  if (length < 0x80) return Buffer.from([length]);
  if (length < 0x100) return Buffer.from([0x81, length]);
  if (length < 0x10000) return Buffer.from([0x82, length >> 8, length & 0xff]);
  return Buffer.from([0x83, length >> 16, (length >> 8) & 0xff, length & 0xff]);
}

/** A read element. */
export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
}

/** The elements that stand in `bytes` one after the other; undefined when it is not DER. */
export function readDer(bytes: Buffer): readonly DerElement[] | undefined {
  const elements: DerElement[] = [];
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at + 1];
    // Long tags (0x1f) and indefinite lengths (0x80) are not used in certificates.
    if (first === undefined || (bytes[at]! & 0x1f) === 0x1f || first === 0x80 || first > 0x84) return undefined;
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    const start = at + 2 + lengthBytes;
    if (start > bytes.length) return undefined;
    const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes);
    if (start + length > bytes.length) return undefined;
    elements.push({ tag: bytes[at]!, content: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return elements;
}

/** The dotted form of an object identifier's content. */
export function readOid(content: Buffer): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    arcs.push(arc);
    arc = 0;
  }
  const first = Math.min(Math.floor((arcs[0] ?? 0) / 40), 2);
  return [first, (arcs[0] ?? 0) - 40 * first, ...arcs.slice(1)].join('.');
}
