/** Where calls go and by which methods, and what is said to whoever goes elsewhere. */
import type { WireRequest } from '../wire/sigv4-canonical.ts';
import { commonFault, shown } from './fault.ts';
import type { Fault } from './fault.ts';
import type { Reply } from './service.ts';

/** Methods at the root: those of calls, and HEAD for the page there. */
export const CALL_METHODS = 'GET, HEAD, POST';
const PAGE_METHODS = 'GET, HEAD';

export interface Misplaced {
  readonly fault: Fault;
  /** The methods there, where there is something. */
  readonly allow?: string;
}

/** Unless the request is made where calls are, the root, by POST or GET. `isPage`: whether there is a page at a path. */
export function misplaced({ method, target }: WireRequest, isPage: (path: string) => boolean): Misplaced | undefined {
  const path = target.split('?', 1)[0]!;
  const isRead = method === 'GET' || method === 'HEAD';
  if (path === '/') {
    if (method === 'POST' || method === 'GET') return undefined;
    const message = `Calls are made by POST or GET, not by ${shown(method)}.`;
    return { fault: commonFault('MethodNotAllowed', message), allow: CALL_METHODS };
  }
  if (isPage(path) && !isRead) {
    const message = `'${path}' is read by GET or HEAD, not by ${shown(method)}.`;
    return { fault: commonFault('MethodNotAllowed', message), allow: PAGE_METHODS };
  }
  return { fault: commonFault('NotFound', `There is nothing at '${shown(path)}': calls go to '/'.`) };
}

/** With the header `Allow`, which RFC 9110 (section 15.5.6) has in every 405. */
export function allowing<R extends Reply>(reply: R, allow: string | undefined): R {
  return allow === undefined ? reply : { ...reply, headers: { ...reply.headers, Allow: allow } };
}

/** RFC 9112 section 3.2.2: `http://host/path` stands for `/path`, not only at a proxy. */
export function originForm(target: string): string {
  const absolute = /^https?:\/\/[^/?#]*/i.exec(target)?.[0];
  if (absolute === undefined) return target;
  const rest = target.slice(absolute.length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}
