/** XML of an EC2 endpoint as a tree of elements. Attributes, comments and namespaces say nothing there. */
import { SaxesParser } from 'saxes';
import { EC2_ENDPOINT } from '../model/limits.ts';

export interface XmlElement {
  readonly name: string;
  /** What stands in it besides elements. */
  readonly text: string;
  readonly children: readonly XmlElement[];
}

interface OpenElement extends XmlElement {
  text: string;
  readonly children: OpenElement[];
}

/** The root element; undefined for what is not well-formed, has a document type, or is nested deeper than any answer is. */
export function parseXml(text: string): XmlElement | undefined {
  const parser = new SaxesParser();
  const open: OpenElement[] = [];
  let root: OpenElement | undefined;
  let wrong = false;
  parser.on('error', () => (wrong = true));
  // Entities of its own have no place in an answer.
  parser.on('doctype', () => (wrong = true));
  parser.on('opentag', ({ name }) => {
    const element: OpenElement = { name, text: '', children: [] };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
    if (open.length > EC2_ENDPOINT.maxDepth) wrong = true;
  });
  parser.on('closetag', () => open.pop());
  const addText = (more: string): void => {
    const element = open.at(-1);
    if (element !== undefined) element.text += more;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  // Piece by piece, so that what is wrong at its beginning is not read to its end.
  for (let at = 0; at < text.length && !wrong; at += PIECE) parser.write(text.slice(at, at + PIECE));
  if (!wrong) parser.close();
  return wrong ? undefined : root;
}

const PIECE = 65_536;

/** The first child of that name. */
export function childOf(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((child) => child.name === name);
}

/** The text at the end of the path of names; undefined when it is not there, or empty. */
export function textAt(element: XmlElement, ...path: readonly string[]): string | undefined {
  let found: XmlElement | undefined = element;
  for (const name of path) found = childOf(found, name);
  const text = found?.text.trim();
  return text === '' ? undefined : text;
}

/** The elements of a list, which EC2 calls `item`. */
export function itemsOf(element: XmlElement | undefined, name: string): readonly XmlElement[] {
  return (childOf(element, name)?.children ?? []).filter((child) => child.name === 'item');
}
