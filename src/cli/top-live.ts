/** The two ways in which `weir top` goes on: drawn on a terminal until a key ends it, or printed table by table. */
import { messageOf } from '../kit/assert.ts';
import { sleep, type Clock, type Timer } from '../kit/clock.ts';
import { renderFrame, renderPlain, SORT_KEYS } from './top-frame.ts';
import { Screen, type ScreenOptions } from './top-screen.ts';
import type { Scrape } from './top-scrape.ts';
import { makeView, type Sort, type View } from './top-view.ts';

export interface TopOptions {
  /** `127.0.0.1:7600`. */
  readonly endpoint: string;
  readonly intervalMs: number;
  readonly clock: Clock;
  /** Rejects with the reason. */
  readonly scrape: () => Promise<Scrape>;
}

/** How far a key moves the choice. */
const MOVES: ReadonlyMap<string, number> = new Map([
  ['up', -1],
  ['k', -1],
  ['down', 1],
  ['j', 1],
  ['pageup', -10],
  ['pagedown', 10],
  ['home', -Infinity],
  ['end', Infinity],
]);

export interface LiveTerminal extends Pick<ScreenOptions, 'input' | 'output' | 'process' | 'colours'> {}

/** Draws until the user leaves. `first` has been scraped already. */
export function watchLive(first: Scrape, options: TopOptions, terminal: LiveTerminal): Promise<void> {
  return new Promise((resolve) => new LiveTop(first, options, terminal, resolve).start());
}

class LiveTop {
  readonly #options: TopOptions;
  readonly #screen: Screen;
  readonly #done: () => void;
  #before: Scrape | undefined;
  #latest: Scrape;
  #problem: string | undefined;
  #sort: Sort = 'requests';
  #selected: string | undefined;
  #next: Timer | undefined;
  #ended = false;

  constructor(first: Scrape, options: TopOptions, terminal: LiveTerminal, done: () => void) {
    this.#options = options;
    this.#latest = first;
    this.#done = done;
    this.#screen = new Screen({
      ...terminal,
      onKey: (name) => this.#onKey(name),
      onResize: () => this.#draw(),
      onEnd: () => this.#end(),
    });
  }

  start(): void {
    this.#screen.open();
    this.#draw();
    this.#wait();
  }

  get #view(): View {
    return makeView(this.#before, this.#latest, this.#sort);
  }

  #draw(): void {
    const { endpoint } = this.#options;
    const frame = {
      ...this.#screen.size,
      endpoint,
      sort: this.#sort,
      selected: this.#selected,
      problem: this.#problem,
    };
    this.#screen.draw(renderFrame(this.#view, frame));
  }

  #wait(): void {
    this.#next = this.#options.clock.after(this.#options.intervalMs, () => void this.#refresh());
  }

  async #refresh(): Promise<void> {
    try {
      const scraped = await this.#options.scrape();
      [this.#before, this.#latest] = [this.#latest, scraped];
      this.#problem = undefined;
    } catch (error) {
      this.#problem = `no answer from ${this.#options.endpoint}: ${messageOf(error)}; trying again`;
    }
    if (this.#ended) return;
    this.#draw();
    this.#wait();
  }

  #onKey(name: string): void {
    const sort = Object.hasOwn(SORT_KEYS, name) ? SORT_KEYS[name] : undefined;
    const move = MOVES.get(name);
    if (name === 'q') this.#end();
    else if (sort !== undefined) this.#sort = sort;
    else if (move !== undefined) this.#choose(move);
    if (!this.#ended) this.#draw();
  }

  #choose(move: number): void {
    const names = this.#view.loadBalancers.map(({ name }) => name);
    const at = Math.max(0, names.indexOf(this.#selected ?? ''));
    this.#selected = names[Math.max(0, Math.min(names.length - 1, at + move))];
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#next?.cancel();
    this.#screen.close();
    this.#done();
  }
}

export interface PlainOutput {
  /** False: nobody reads any more. */
  readonly write: (text: string) => boolean;
  readonly complain: (text: string) => void;
}

/** Prints a table after every interval: one when `once`, else until nobody reads. Rejects when the only one fails. */
export async function printTables(
  first: Scrape,
  once: boolean,
  { endpoint, intervalMs, clock, scrape }: TopOptions,
  { write, complain }: PlainOutput,
): Promise<void> {
  let before = first;
  let problem: string | undefined;
  for (;;) {
    await sleep(clock, intervalMs);
    try {
      const latest = await scrape();
      if (!write(renderPlain(makeView(before, latest, 'name'), endpoint)) || once) return;
      before = latest;
      problem = undefined;
    } catch (error) {
      if (once) throw error;
      const message = messageOf(error);
      // Told when it begins, not with every table that is missing.
      if (message !== problem) complain(`no answer from ${endpoint}: ${message}; trying again`);
      problem = message;
    }
  }
}
