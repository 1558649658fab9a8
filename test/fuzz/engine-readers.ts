/**
 * The hook: the engine's incremental readers, which the http target compares with the reference reader on randomly cut
 * streams. An entry drives the code that serves the traffic and reports what it read in the reference's terms.
 */
import type { RequestReader, ResponseReader } from './http-properties.ts';

export const requestReaders: readonly RequestReader[] = [];
export const responseReaders: readonly ResponseReader[] = [];
