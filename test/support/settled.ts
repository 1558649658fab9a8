/** Resolves when promises that need no event from outside have run their course: for tests with a fake clock. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}
