/** What a weir holds at rest: nothing is in flight any more, and what its collections have set free is back with the system. */
import { lastFor, until } from '../acceptance/lab.ts';
import type { SoakLab } from './setup.ts';
import { collectAll, takeOpen, takeVitals, type Open, type Vitals } from './vitals.ts';

/** Past the idle timeout. What each thread keeps connected ahead of requests comes and goes with it. */
const FIRST_REST_MS = 15_000;
const LOOKS = 8;
const BETWEEN_LOOKS_MS = 2000;
/** Idle timeouts, and those of the API's connections. */
const REST_MS = 90_000;
/** V8 keeps pages that a collection has emptied, or a dead thread left, for 8 to 16 s (its flag memory-pool-timeout): 30 MB of what a start has left. */
const POOLED_MS = 20_000;
/**
 * The young generation of control, where its answers are made, grows to 64 MB under load (V8's default). Only a collection
 * that follows some seconds with little work makes it small again, so that the first one does not.
 */
const COLLECTIONS = 2;

/** No rest takes longer. */
export const LONGEST_REST_MS = REST_MS + COLLECTIONS * POOLED_MS;

/** Waits until idle connections have timed out; then the most of what is open for a while, as that comes and goes. */
export async function restAtFirst(here: SoakLab): Promise<Vitals> {
  here.weir.client.destroy();
  await lastFor(FIRST_REST_MS);
  let most = await takeOpen(here);
  for (let look = 0; look < LOOKS; look++) {
    await lastFor(BETWEEN_LOOKS_MS);
    const { descriptors, connections } = await takeOpen(here);
    most = {
      descriptors: Math.max(most.descriptors, descriptors),
      connections: Math.max(most.connections, connections),
    };
  }
  return settled(here, most);
}

/** Waits until no more is open than `before`. */
export async function restAgain(here: SoakLab, before: Open): Promise<Vitals> {
  here.weir.client.destroy();
  const quiet = async () => {
    const open = await takeOpen(here);
    return open.connections <= before.connections && open.descriptors <= before.descriptors ? open : undefined;
  };
  const rested = await until('rest', REST_MS, quiet).catch(() => undefined);
  return settled(here, rested?.found ?? (await takeOpen(here)));
}

/** The memory is looked at only when nothing has been collected for a while. */
async function settled(here: SoakLab, open: Open): Promise<Vitals> {
  for (let collection = 0; collection < COLLECTIONS; collection++) {
    await collectAll(here);
    await lastFor(POOLED_MS);
  }
  const { residentBytes } = here.weir;
  return { ...(await takeVitals(here)), ...open, residentBytes };
}
