/** RFC 4648 section 6: the letters and digits that AWS's ids are made of. */
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** A digit for each byte, of which the lower five bits count: for ids, which are not decoded. */
export function base32Digits(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => DIGITS[byte % DIGITS.length]).join('');
}
