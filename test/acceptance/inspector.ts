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
  readonly result?: unknown;
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
    await this.#sendTo(name, { id: this.#next++, method: 'Runtime.evaluate', params: { expression } });
  }

  /** What `expression` gives in the latest worker called `name`, in the main thread without one. */
  async numberOf(expression: string, name?: string): Promise<number> {
    const params = { expression, returnByValue: true };
    const answer = name === undefined ? this.#ask('Runtime.evaluate', params) : this.#askWorker(name, params);
    const { result } = (await answer) as { result: { value?: unknown; description?: string } };
    if (typeof result.value === 'number') return result.value;
    throw new Error(`${expression} gives no number: ${result.description ?? JSON.stringify(result.value)}`);
  }

  async #askWorker(name: string, params: Record<string, unknown>): Promise<unknown> {
    const id = this.#next++;
    const answer = this.#answerTo(id);
    await this.#sendTo(name, { id, method: 'Runtime.evaluate', params });
    return answer('Runtime.evaluate in a worker');
  }

  async #sendTo(name: string, message: Message): Promise<void> {
    const look = () => this.#sessions.findLast((session) => session.name.includes(name));
    const { found } = await until(`a worker called ${name}`, ANSWER_MS, look);
    const { sessionId } = found;
    await this.#ask('NodeWorker.sendMessageToWorker', { sessionId, message: JSON.stringify(message) });
  }

  close(): void {
    this.#socket.close();
  }

  async #ask(method: string, params: Record<string, unknown>): Promise<unknown> {
    const id = this.#next++;
    const answer = this.#answerTo(id);
    this.#socket.send(JSON.stringify({ id, method, params }));
    return answer(method);
  }

  /** To be called before the question is sent; what it gives waits for the answer. */
  #answerTo(id: number): (what: string) => Promise<unknown> {
    let answer: Message | undefined;
    this.#answers.set(id, (message) => (answer = message));
    return async (what) => {
      const { found } = await until(`the inspector answers ${what}`, ANSWER_MS, () => answer);
      if (found.error !== undefined) throw new Error(`${what}: ${JSON.stringify(found.error)}`);
      return found.result;
    };
  }

  #take(message: Message): void {
    if (message.id !== undefined) {
      this.#answers.get(message.id)?.(message);
      this.#answers.delete(message.id);
    } else if (message.method === 'NodeWorker.receivedMessageFromWorker') {
      this.#take(JSON.parse((message.params as { message: string }).message) as Message);
    } else if (message.method === 'NodeWorker.attachedToWorker') {
      const { sessionId, workerInfo } = message.params as { sessionId: string; workerInfo: { title: string } };
      this.#sessions.push({ sessionId, name: workerInfo.title });
    }
  }
}
