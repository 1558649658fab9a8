/**
 * Reaches into the traffic threads of a weir that was started with `--inspect`, as a debugger does (Chrome DevTools
 * Protocol, domain NodeWorker). It is Node that lets us in: the product has no way to be made to fail.
 */
import { until } from './lab.ts';

const ANSWER_MS = 5000;

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly error?: unknown;
}

interface WorkerSession {
  readonly sessionId: string;
  readonly name: string;
}

export class Inspector {
  readonly #socket: WebSocket;
  readonly #sessions: WorkerSession[] = [];
  readonly #answers = new Map<number, (message: Message) => void>();
  #next = 1;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#take(JSON.parse(String(data)) as Message));
  }

  /** Connects to the inspector of a process that has written where it listens (`ws://…`). */
  static async connect(output: () => string): Promise<Inspector> {
    const { found } = await until('the inspector listens', ANSWER_MS, () => /ws:\/\/\S+/.exec(output())?.[0]);
    const socket = new WebSocket(found);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => resolve());
      socket.addEventListener('error', () => reject(new Error(`cannot connect to ${found}`)));
    });
    const inspector = new Inspector(socket);
    await inspector.#ask('NodeWorker.enable', { waitForDebuggerOnStart: false });
    return inspector;
  }

  /** Has `expression` evaluated in the latest worker called `name`; what it gives, or does, is its own affair. */
  async evaluateIn(name: string, expression: string): Promise<void> {
    const look = () => this.#sessions.findLast((session) => session.name.includes(name));
    const { found } = await until(`a worker called ${name}`, ANSWER_MS, look);
    const message = JSON.stringify({ id: this.#next++, method: 'Runtime.evaluate', params: { expression } });
    await this.#ask('NodeWorker.sendMessageToWorker', { sessionId: found.sessionId, message });
  }

  close(): void {
    this.#socket.close();
  }

  async #ask(method: string, params: Record<string, unknown>): Promise<void> {
    const id = this.#next++;
    let answer: Message | undefined;
    this.#answers.set(id, (message) => (answer = message));
    this.#socket.send(JSON.stringify({ id, method, params }));
    const { found } = await until(`the inspector answers ${method}`, ANSWER_MS, () => answer);
    if (found.error !== undefined) throw new Error(`${method}: ${JSON.stringify(found.error)}`);
  }

  #take(message: Message): void {
    if (message.id !== undefined) {
      this.#answers.get(message.id)?.(message);
      this.#answers.delete(message.id);
      return;
    }
    if (message.method !== 'NodeWorker.attachedToWorker') return;
    const { sessionId, workerInfo } = message.params as { sessionId: string; workerInfo: { title: string } };
    this.#sessions.push({ sessionId, name: workerInfo.title });
  }
}
