/** A traffic thread as control sees it, and the real one on `node:worker_threads`. */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker, type ResourceLimits } from 'node:worker_threads';
import { messageOf } from '../kit/assert.ts';
import type { ControlMessage, ThreadMessage, ThreadSettings } from '../traffic/snapshot.ts';

export interface TrafficThread {
  /** Messages arrive in order; those to a thread that has ended go nowhere. */
  post(message: ControlMessage): void;
  /** Ends the thread whatever it does; `onEnd` follows. */
  terminate(): void;
}

/** Called later, never within {@link StartThread}. */
export interface ThreadListener {
  onMessage(message: ThreadMessage): void;
  /** Once, when nothing of the thread runs any more. */
  onEnd(reason: string): void;
}

export type StartThread = (settings: ThreadSettings, listener: ThreadListener) => TrafficThread;

/** The entry point of traffic threads: `.ts` as it is, `.js` in the published package. */
export function trafficThreadUrl(): URL {
  return new URL(`../traffic/thread${extname(fileURLToPath(import.meta.url))}`, import.meta.url);
}

/** Starts threads that run `url`. A thread that reaches a limit (by default the runtime's) ends, and only that thread. */
export function workerThreads(url: URL, resourceLimits: ResourceLimits = {}): StartThread {
  return (settings, listener) => {
    let worker: Worker;
    try {
      worker = new Worker(url, { workerData: settings, name: `weir-${settings.thread}`, resourceLimits });
    } catch (error) {
      // The system has no thread for us at the moment.
      queueMicrotask(() => listener.onEnd(messageOf(error)));
      return { post() {}, terminate() {} };
    }
    let reason: string | undefined;
    worker.on('message', (message: ThreadMessage) => listener.onMessage(message));
    worker.on('error', (error) => (reason ??= describeError(error)));
    worker.on('messageerror', (error) => (reason ??= `unreadable message: ${messageOf(error)}`));
    worker.once('exit', (code) => listener.onEnd(reason ?? `exit code ${code}`));
    return {
      post: (message) => worker.postMessage(message),
      terminate: () => void worker.terminate(),
    };
  };
}

/** With the stack: an uncaught error in a thread is a defect, and this line is all that is left of it. */
function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
