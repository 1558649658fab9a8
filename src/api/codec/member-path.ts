/** Where a member of an input stands, as AWS's messages write it: `listeners.1.member.loadBalancerPort`. */
export function memberPath(path: string, member: string): string {
  const name = member.charAt(0).toLowerCase() + member.slice(1);
  return path === '' ? name : `${path}.${name}`;
}

/** `number` counts from 1. */
export function itemPath(path: string, number: number): string {
  return `${path}.${number}.member`;
}
