/** What the expressions of one call may take of the thread that answers: work, and room on its stack. */

/** *Ours*: values that are calculated with, each time anew; the thread that answers has other work too. */
const MAX_WORK = 2_000_000;
/** *Ours*: levels that are open at once in expressions which refer to each other, of 500 at most: the stack has room for thousands. */
const MAX_LEVELS = 600;

/** Of all expressions of a call together. */
export class Budget {
  readonly #max: number;
  #left: number;
  #levels = 0;

  constructor(max = MAX_WORK) {
    this.#max = this.#left = max;
  }

  /** @throws {ExpressionError} when that many values are too many. */
  spend(values: number): void {
    this.#left -= values;
    if (this.#left >= 0) return;
    throw new ExpressionError(`it takes more than ${this.#max} values; ask for fewer metrics, or a shorter time`);
  }

  /** @throws {ExpressionError} when that is one level too many. */
  open(): void {
    if (++this.#levels <= MAX_LEVELS) return;
    throw new ExpressionError(`it is nested more than ${MAX_LEVELS} deep, with the expressions that it refers to`);
  }

  close(): void {
    this.#levels--;
  }
}

/** What is wrong with an expression. */
export class ExpressionError extends Error {}
