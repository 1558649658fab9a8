/**
 * Desync mitigation: how differently may other programs read this request head, and what of it may be forwarded?
 *
 * The order of analysis decides which reason of a tier is told: the parse (line ends, the request line's parts, folded
 * lines, lines without a colon, an unfinished head), each header in turn, Transfer-Encoding and Content-Length together,
 * the method, the version, the URI. Tiers and reasons are those of AWS's classifier for Application and Classic Load
 * Balancers. Where it and the RFC leave a choice of what to forward, the choice is the one that no back end can read in
 * two ways; it stands at {@link HeadAnalysis.canonical}.
 */
import { BYTE_CLASS, CR, LF, SPACE, TOKEN, VALUE, ascii, equalsFolded } from '../kit/bytes.ts';
import { HTTP_HEAD } from '../model/limits.ts';
import { CanonicalHead } from './desync-canonical.ts';
import { ContentLengths, TransferEncodings, judgeFraming } from './desync-framing.ts';
import { HeadLines, LINE } from './desync-lines.ts';
import { FRAMING_NAME, framingName, isBlank } from './desync-names.ts';
import { REASON, REASONS, TIERS, tierOf, worse, type ReasonName, type Tier } from './desync-reasons.ts';
import { RequestLine } from './desync-request-line.ts';

export { findHeadEnd } from './desync-lines.ts';
export { REASON, REASONS, TIERS, action, tierOf } from './desync-reasons.ts';
export type { DesyncAction, ReasonName, Tier } from './desync-reasons.ts';

const HOST = ascii('host');

/** What is wrong with the bytes of a name or value: a sum of these. */
const FAULT = { nonCompliant: 1, nul: 2, bareCr: 4 } as const;
const BAD = FAULT.nul | FAULT.bareCr;

/**
 * The analysis of one request head at a time; the object is reused. It takes any bytes, never throws, looks at each byte
 * a bounded number of times and holds no more memory than one head of the largest permitted size.
 */
export class HeadAnalysis {
  tier: Tier = 0;
  /** Index into {@link REASONS}. */
  reason = 0;
  /** Just after the empty line that ends the head; -1 when the input ended before it. */
  headEnd = -1;
  /**
   * Is there a {@link canonical} head to forward? When not, the answer is 400 in every mode, whatever the tier: the strict
   * framer (RFC 9112) finds no one way to read the message. That is a request line that cannot be written anew (method,
   * version or URI bad, or no target), a bare CR, a Content-Length that is bad, empty, folded or contradicted, a
   * Transfer-Encoding that is bad, folded or not `chunked` once at the end, an unfinished head, and a head over the limits
   * of HTTP_HEAD, which hold for what the client sent, before anything is dropped (for the request line escaped, too).
   */
  framable = false;
  /**
   * Was the only word about the body's length a look-alike, which is not obeyed and not forwarded? Then what follows the
   * head may be that body: no further request must be read from the client's connection, in monitor mode neither.
   */
  lengthInDoubt = false;

  readonly #lines = new HeadLines();
  /** The request line as it came: offsets into what was analysed. */
  readonly line = new RequestLine();
  readonly #encodings = new TransferEncodings();
  readonly #lengths = new ContentLengths();
  readonly #canonical = new CanonicalHead();
  #parse = 0;
  #headers = 0;
  #refused = false;
  /** What {@link framingName} says of the last line that was a field: its continuations count as more of the same name. */
  #fieldName = 0;
  /** Would a folded line continue a framing header? */
  #inFraming = false;
  #hosts = 0;
  #headerCount = 0;
  #headerStart = 0;

  /**
   * The head written anew, valid until the next analysis: its first {@link canonicalLength} bytes, at most 1 KiB more than
   * HTTP_HEAD.maxBytes. `METHOD SP target SP HTTP/1.0|1.1 CRLF`, then `name: value CRLF` in the client's order and
   * spelling, then CRLF.
   * - HTTP/0.9 and no version are written as 1.0, 1.2 to 1.9 as 1.1. Spaces around the target are gone; spaces and control
   *   bytes inside it are percent-encoded, since readers differ in where they cut a request line.
   * - Values are trimmed; a folded line is joined by one space. Values keep other control bytes than CR, LF and NUL, names
   *   keep bytes of no token: only a bare CR, LF, NUL or a blank in front could move a boundary.
   * - At most one framing header: Transfer-Encoding (all headers of that name as one list, without parameters and
   *   `identity`, ending in `chunked`), else the first Content-Length, without leading zeros.
   * - Dropped: Content-Length beside Transfer-Encoding, further ones of equal value, look-alikes of both (by their first
   *   word alone too: `Transfer-Encoding x`), headers with an empty name, a NUL, or a name of non-token bytes that looks like a
   *   header we obey or set (`Host `), lines without a colon or of blanks, and those that start with a blank with nothing to continue.
   */
  get canonical(): Buffer {
    return this.#canonical.bytes;
  }

  /** 0 when the head is not {@link framable}. */
  get canonicalLength(): number {
    return this.framable ? this.#canonical.length : 0;
  }

  /** The reason's name. */
  get reasonName(): ReasonName {
    return REASONS[this.reason]![0];
  }

  /** Analyses the head that begins at `start`; it ends at its empty line, or at `end` when there is none before. */
  analyse(bytes: Uint8Array, start: number, end: number): void {
    this.#clear();
    this.#lines.open(bytes, start, end);
    this.#readRequestLine(bytes);
    this.#readFields(bytes);
    this.#checkSize(HTTP_HEAD.maxBytes, start);
    const line = this.line;
    let verdict = worse(this.#parse, this.#headers);
    verdict = judgeFraming(verdict, line, this.#encodings, this.#lengths);
    verdict = worse(worse(worse(verdict, line.methodReason), line.versionReason), line.uriReason);
    this.reason = verdict;
    this.tier = tierOf(verdict);
    const { exact: encodings, lookAlikes } = this.#encodings;
    this.lengthInDoubt = lookAlikes + this.#lengths.lookAlikes > 0 && encodings + this.#lengths.exact === 0;
    this.framable =
      !this.#refused &&
      this.#hosts <= 1 &&
      this.headEnd !== -1 &&
      line.writable &&
      this.#encodings.framable &&
      this.#lengths.framable &&
      this.#write(bytes, start, end);
  }

  /**
   * Is a head of which only `bytes[start, end)` has arrived Severe already, whatever follows? Then it may be refused at
   * once; tier and reason are set. Whole lines count; of an unfinished request line the method does.
   */
  isHopeless(bytes: Uint8Array, start: number, end: number): boolean {
    const linesEnd = bytes.lastIndexOf(LF, end - 1) + 1;
    if (linesEnd > start) {
      this.analyse(bytes, start, linesEnd);
      return this.tier === 3;
    }
    let at = start;
    while (at < end && (BYTE_CLASS[bytes[at]!]! & TOKEN) !== 0) at++;
    // A CR may belong to the line's end.
    if (at === end || (bytes[at] === SPACE && at > start) || (bytes[at] === CR && at + 1 === end)) return false;
    this.reason = REASON.BadMethod;
    this.tier = tierOf(this.reason);
    this.headEnd = -1;
    this.framable = false;
    return true;
  }

  #clear(): void {
    this.headEnd = -1;
    this.framable = false;
    this.#encodings.clear();
    this.#lengths.clear();
    this.#canonical.clear();
    this.#parse = REASON.Compliant;
    this.#headers = REASON.Compliant;
    this.#refused = false;
    this.#fieldName = FRAMING_NAME.none;
    this.#inFraming = false;
    this.#hosts = 0;
    this.#headerCount = 0;
  }

  #readRequestLine(bytes: Uint8Array): void {
    const lines = this.#lines;
    lines.readLine();
    this.line.read(bytes, lines.start, lines.end);
    if (!lines.crlf) this.#parse = REASON.NonCrLfLineTermination;
    if (this.line.missingUri) this.#parse = worse(this.#parse, REASON.MissingUri);
    this.#checkSize(HTTP_HEAD.maxLineBytes, lines.start);
    this.#headerStart = lines.next;
  }

  #readFields(bytes: Uint8Array): void {
    const lines = this.#lines;
    for (;;) {
      lines.readField();
      if (!lines.crlf) this.#parse = worse(this.#parse, REASON.NonCrLfLineTermination);
      if (lines.kind === LINE.empty) {
        if (lines.terminated) this.headEnd = lines.next;
        return;
      }
      this.#readField(bytes);
      // As AWS has it: right after the request line the end of the input passes for an empty line; after a header it does not.
      if (!lines.terminated) {
        this.#parse = worse(this.#parse, REASON.PartialHeaderLine);
        return;
      }
      if (lines.exhausted) {
        this.#parse = worse(this.#parse, REASON.MissingLastEmptyLine);
        return;
      }
    }
  }

  #readField(bytes: Uint8Array): void {
    const lines = this.#lines;
    this.#checkLimits();
    switch (lines.kind) {
      case LINE.blank:
        this.#headers = worse(this.#headers, REASON.EmptyHeader);
        return;
      case LINE.colonless:
        this.#parse = worse(this.#parse, REASON.MissingHeaderColon);
        break;
      case LINE.continuation:
      case LINE.mimic:
        if (!lines.continuesContentType) this.#parse = worse(this.#parse, REASON.MultilineHeader);
        break;
      default:
        break;
    }
    this.#judgeField(bytes);
  }

  /** The limits hold for what the client sent: a header is its line and the folded lines after it. */
  #checkLimits(): void {
    const { kind, start } = this.#lines;
    if (kind === LINE.field || kind === LINE.colonless) this.#headerStart = start;
    if (kind !== LINE.continuation && kind !== LINE.blank) this.#headerCount++;
    if (this.#headerCount > HTTP_HEAD.maxHeaders) this.#refused = true;
    this.#checkSize(HTTP_HEAD.maxHeaderBytes, this.#headerStart);
  }

  #judgeField(bytes: Uint8Array): void {
    const { kind, nameStart, nameEnd, valueStart, valueEnd } = this.#lines;
    const nameFaults = faultsOf(bytes, nameStart, nameEnd, TOKEN);
    const faults = nameFaults | faultsOf(bytes, valueStart, valueEnd, VALUE);
    const bad = (faults & BAD) !== 0;
    // Some readers end a line at a bare CR (RFC 9112 2.2), so nobody can say what the lines are.
    if ((faults & FAULT.bareCr) !== 0) this.#refused = true;
    if (bad) this.#headers = worse(this.#headers, REASON.BadHeader);
    else if (faults !== 0) this.#headers = worse(this.#headers, REASON.NonCompliantHeader);
    const continuation = kind === LINE.continuation;
    const empty = !continuation && isBlank(bytes, nameStart, nameEnd);
    const name = continuation ? this.#fieldName : framingName(bytes, nameStart, nameEnd);
    if (empty) this.#headers = worse(this.#headers, REASON.EmptyHeader);
    if (name !== FRAMING_NAME.none) this.#judgeFramingField(bytes, name, bad);
    if (kind === LINE.field) {
      this.#fieldName = (nameFaults & BAD) === 0 ? name : FRAMING_NAME.none;
      if (equalsFolded(bytes, nameStart, nameEnd, HOST)) this.#hosts++;
    }
    if (kind === LINE.field || kind === LINE.colonless) this.#inFraming = isExact(name);
    // How a folded length or coding is read depends on the reader. (A look-alike in a folded line is dropped as such.)
    const joins = continuation || (kind === LINE.mimic && !empty && name === FRAMING_NAME.none);
    if (joins && this.#inFraming) this.#refused = true;
  }

  #judgeFramingField(bytes: Uint8Array, name: number, bad: boolean): void {
    const { valueStart, valueEnd } = this.#lines;
    const exact = isExact(name);
    if (bad) this.#refused = true;
    if (!exact && bad) return;
    if (!exact) this.#headers = worse(this.#headers, REASON.SuspiciousHeader);
    const isEncoding = name === FRAMING_NAME.transferEncoding || name === FRAMING_NAME.likeTransferEncoding;
    if (isEncoding) this.#encodings.add(bytes, valueStart, valueEnd, exact);
    else this.#lengths.add(bytes, valueStart, valueEnd, exact);
  }

  /** Refuses the head when more than `limit` bytes, line ends included, lie between `from` and here. */
  #checkSize(limit: number, from: number): void {
    if (this.#lines.next - from > limit) this.#refused = true;
  }

  #write(bytes: Uint8Array, start: number, end: number): boolean {
    const lines = this.#lines;
    const canonical = this.#canonical;
    lines.open(bytes, start, end);
    lines.readLine();
    canonical.writeRequestLine(bytes, this.line);
    for (lines.readField(); lines.kind !== LINE.empty; lines.readField()) {
      canonical.writeLine(bytes, lines, this.#encodings, this.#lengths);
    }
    canonical.finish();
    return !canonical.overflow;
  }
}

/** What `weir classify` says of a raw request; bytes behind the head do not matter. */
export interface Classification {
  readonly classification: (typeof TIERS)[number];
  readonly reason: ReasonName;
}

/** Classifies one raw request. */
export function classify(bytes: Uint8Array, analysis: HeadAnalysis = new HeadAnalysis()): Classification {
  analysis.analyse(bytes, 0, bytes.length);
  return { classification: TIERS[analysis.tier], reason: analysis.reasonName };
}

function isExact(name: number): boolean {
  return name === FRAMING_NAME.transferEncoding || name === FRAMING_NAME.contentLength;
}

/** The faults of a name (`wanted` TOKEN) or a value (VALUE). */
function faultsOf(bytes: Uint8Array, start: number, end: number, wanted: number): number {
  let faults = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if ((BYTE_CLASS[byte]! & wanted) !== 0) continue;
    faults |= byte === CR ? FAULT.bareCr : byte === 0 ? FAULT.nul : FAULT.nonCompliant;
  }
  return faults;
}
