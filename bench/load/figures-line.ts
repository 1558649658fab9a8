/** Reads the line `figures name=value …` that a client ends with: a function that gives each by its name. Fails where one is missing. */
export function figuresIn(client: string, output: string): (name: string) => number {
  const line = /^figures (.*)$/m.exec(output)?.[1];
  if (line === undefined) throw new Error(`${client}: no line that starts with "figures" in: ${output}`);
  const fields = new Map(line.split(' ').map((field) => field.split('=', 2) as [string, string | undefined]));
  return (name) => {
    const value = Number(fields.get(name) ?? NaN);
    if (!Number.isFinite(value)) throw new Error(`${client}: "${name}" is missing or not a number in: ${line}`);
    return value;
  };
}
