/** The recipes of docs/clients.md, taken from the page as they stand there. */
import { readFileSync } from 'node:fs';

const PAGE = new URL('../../docs/clients.md', import.meta.url);

/** The block of that language (and number) below a heading; '' stands for what is above the first heading. */
export function recipe(heading: string, language: string, number = 0): string {
  const [top = '', ...sections] = readFileSync(PAGE, 'utf8').split(/^## /m);
  const text = heading === '' ? top : sections.find((section) => section.startsWith(`${heading}\n`));
  const blocks = [...(text ?? '').matchAll(/^```(\w*)\n(.*?)^```$/gms)].filter((block) => block[1] === language);
  const code = blocks[number]?.[2];
  if (code === undefined) throw new Error(`docs/clients.md has no ${language} block ${number} below "${heading}"`);
  return code;
}
