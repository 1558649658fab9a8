/** Reads the files of a weir again, one time after the other, and tells the service manager. */
import { hrtime } from 'node:process';
import { reloading, type Notifier } from './sd-notify.ts';
import type { RunningWeir } from './serve.ts';

export class Reloads {
  readonly #weir: Pick<RunningWeir, 'reload'>;
  readonly #notifier: Notifier;
  #isUnderWay = false;
  #isAskedAgain = false;
  /** Whether the service manager is told: before it has heard that weir is ready, it would take the end of a reload for that. */
  isTold = false;

  constructor(weir: Pick<RunningWeir, 'reload'>, notifier: Notifier) {
    this.#weir = weir;
    this.#notifier = notifier;
  }

  /** What is asked for while the files are read is done once, afterwards: they may have been read before they were changed. */
  ask(): void {
    this.#isAskedAgain = true;
    if (!this.#isUnderWay) void this.#reload();
  }

  async #reload(): Promise<void> {
    this.#isUnderWay = true;
    const isTold = this.isTold;
    if (isTold) this.#notifier.notify(...reloading(hrtime.bigint()));
    while (this.#isAskedAgain) {
      this.#isAskedAgain = false;
      await this.#weir.reload();
    }
    if (isTold) this.#notifier.notify('READY=1');
    this.#isUnderWay = false;
  }
}
