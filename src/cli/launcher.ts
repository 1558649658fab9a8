/**
 * Under a Node that is too old, bin/weir.js starts us in a child with the Node that we bring. It keeps a channel open
 * to us, and the end of the channel is the end of the launcher, also when it was killed: then we stop as well.
 */

/** Stops this process as SIGTERM does when its launcher, if it has one, is no more. */
export function endWithLauncher(): void {
  // Anybody may fork us with a channel of their own; only our launcher says that it is one.
  if (process.env['WEIR_LAUNCHER'] !== String(process.ppid) || process.channel === undefined) return;
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  // Watching the channel is no reason to stay.
  process.channel.unref();
}
