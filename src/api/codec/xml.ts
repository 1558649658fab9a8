/** Responses of the AWS Query protocol: XML as AWS writes it, indented, members in the order of the model. */
import { assert } from '../../kit/assert.ts';
import type { Fault } from '../fault.ts';
import type { ScalarType, ServiceModel, Shape } from './model.ts';
import { doubleText, type Structure, type Value } from './value.ts';

const INDENT = '  ';

/** What XML 1.0 cannot carry even escaped: control characters, lone surrogates, U+FFFE and U+FFFF. */
const UNWRITABLE =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#xD;',
};

/** ASCII that stands for itself: nearly all there is to write. */
const PLAIN = /^[\t\n !#-%'-;=?-~]*$/;

/** Text as element content. What XML cannot carry becomes U+FFFD. */
export function escapeXml(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(UNWRITABLE, '\uFFFD').replace(/[&<>"\r]/g, (character) => ESCAPES[character]!);
}

function scalarText(value: Value, type: ScalarType): string {
  if (type === 'double') return doubleText(Number(value));
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  assert(typeof value !== 'object', 'an output fits its model');
  return String(value);
}

class Writer {
  readonly #model: ServiceModel;
  readonly #itemTag: string;
  readonly #lines: string[] = [];

  constructor(model: ServiceModel) {
    this.#model = model;
    this.#itemTag = model.dialect === 'ec2' ? 'item' : 'member';
  }

  get text(): string {
    return `${this.#lines.join('\n')}\n`;
  }

  line(depth: number, text: string): void {
    this.#lines.push(INDENT.repeat(depth) + text);
  }

  leaf(depth: number, tag: string, text: string): void {
    this.line(depth, text === '' ? `<${tag}/>` : `<${tag}>${escapeXml(text)}</${tag}>`);
  }

  structure(depth: number, tag: string, name: string, value: Structure): void {
    const isEmpty = Object.keys(this.#model.structures[name]!.members).every((key) => value[key] === undefined);
    this.#block(depth, tag, isEmpty, () => this.members(depth + 1, name, value));
  }

  members(depth: number, name: string, value: Structure): void {
    for (const [key, shape] of Object.entries(this.#model.structures[name]!.members)) {
      const member = value[key];
      if (member !== undefined) this.#element(depth, key, shape, member);
    }
  }

  #element(depth: number, tag: string, shape: Shape, value: Value): void {
    if (shape.type === 'structure') this.structure(depth, tag, shape.name, value as Structure);
    else if (shape.type === 'list') {
      const items = value as readonly Value[];
      this.#block(depth, tag, items.length === 0, () => {
        for (const item of items) this.#element(depth + 1, this.#itemTag, shape.member, item);
      });
    } else if (shape.type === 'map') {
      const entries = Object.entries(value as Structure).filter(([, each]) => each !== undefined);
      this.#block(depth, tag, entries.length === 0, () => {
        for (const [key, each] of entries) this.#entry(depth + 1, key, shape.value, each!);
      });
    } else this.leaf(depth, tag, scalarText(value, shape.type));
  }

  #entry(depth: number, key: string, shape: Shape, value: Value): void {
    this.line(depth, '<entry>');
    this.leaf(depth + 1, 'key', key);
    this.#element(depth + 1, 'value', shape, value);
    this.line(depth, '</entry>');
  }

  #block(depth: number, tag: string, empty: boolean, writeContent: () => void): void {
    if (empty) {
      this.line(depth, `<${tag}/>`);
      return;
    }
    this.line(depth, `<${tag}>`);
    writeContent();
    this.line(depth, `</${tag}>`);
  }
}

/** The answer to `action`: `<ActionResponse>` around `<ActionResult>` and the request id. */
export function encodeResponse(model: ServiceModel, action: string, output: Structure, requestId: string): string {
  const writer = new Writer(model);
  const name = model.operations[action]!.output;
  writer.line(0, `<${action}Response xmlns="${escapeXml(model.xmlNamespace)}">`);
  if (model.dialect === 'ec2') {
    writer.leaf(1, 'requestId', requestId);
    writer.members(1, name, output);
  } else {
    writer.structure(1, `${action}Result`, name, output);
    writer.line(1, '<ResponseMetadata>');
    writer.leaf(2, 'RequestId', requestId);
    writer.line(1, '</ResponseMetadata>');
  }
  writer.line(0, `</${action}Response>`);
  return writer.text;
}

/** `<ErrorResponse>` with type, code, message and request id. */
export function encodeFault(model: ServiceModel, fault: Fault, requestId: string): string {
  const writer = new Writer(model);
  if (model.dialect === 'ec2') return encodeEc2Fault(writer, fault, requestId);
  writer.line(0, `<ErrorResponse xmlns="${escapeXml(model.xmlNamespace)}">`);
  writer.line(1, '<Error>');
  writer.leaf(2, 'Type', fault.type);
  writer.leaf(2, 'Code', fault.code);
  writer.leaf(2, 'Message', fault.message);
  writer.line(1, '</Error>');
  writer.leaf(1, 'RequestId', requestId);
  writer.line(0, '</ErrorResponse>');
  return writer.text;
}

/** `<Response>` with a list of one error. */
function encodeEc2Fault(writer: Writer, fault: Fault, requestId: string): string {
  writer.line(0, '<Response>');
  writer.line(1, '<Errors>');
  writer.line(2, '<Error>');
  writer.leaf(3, 'Code', fault.code);
  writer.leaf(3, 'Message', fault.message);
  writer.line(2, '</Error>');
  writer.line(1, '</Errors>');
  writer.leaf(1, 'RequestID', requestId);
  writer.line(0, '</Response>');
  return writer.text;
}
