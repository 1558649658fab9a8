/** What the kernel tells of listening sockets. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Rows of /proc/net/tcp: the state (0A: LISTEN), then, five columns on, the inode. */
const LISTENING = /^ *\d+: \S+ \S+ 0A (?:\S+ +){5}(\d+)/gm;

/** How many of the descriptors of process `pid` are sockets that listen for TCP connections. */
export function listeningSockets(pid: number): number {
  const tables = ['tcp', 'tcp6'].map((table) => readFileSync(`/proc/${pid}/net/${table}`, 'latin1'));
  const listening = new Set(tables.flatMap((table) => [...table.matchAll(LISTENING)].map(([, inode]) => inode)));
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((fd) => listening.has(inodeOf(`${folder}/${fd}`))).length;
}

function inodeOf(link: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(link))?.[1];
  } catch {
    // Closed meanwhile.
    return undefined;
  }
}
