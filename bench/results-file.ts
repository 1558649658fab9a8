/** bench/RESULTS.md: the last recorded table of every scenario. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const RESULTS_FILE = fileURLToPath(new URL('RESULTS.md', import.meta.url));

const PREAMBLE = `# Results

The last recorded figures of every scenario, written by \`npm run bench -- <scenario> --record\`. How they are made:

- Everything on one machine, over loopback: a load client (wrk; h2load for pipelining), the peer, and one nginx as the back end
  that answers from memory behind two addresses. Peers do the same work: X-Forwarded-For, -Proto and -Port added, back-end
  connections pooled, the instance with the fewest outstanding requests chosen, no access log.
- Weir runs as its users run it (\`weir serve\`, load balancer made through the API, metrics on, health checks on).
- CPU is user and system time of the whole process (from /proc), all threads and children included, while the client runs.
- Rounds are interleaved: every peer in turn, with a discarded warm-up before each measurement. Figures are medians over the rounds;
  the ratio is the median of the ratios round by round, with the smallest and the largest in parentheses.
- Any error (status, socket, short answer) is shown and makes the row invalid.
- Closed loops (all but \`latency-70\`) run at the speed of the slowest part, which may be the client: compare CPU, not requests/s.
- \`latency-70\`: 70 % load is the rate at which the peer uses 70 % of a CPU (of n, with n threads); it is searched for each peer, then
  kept. It is less than 70 % of what a closed loop reaches, where every wake-up finds a queue and costs less per request. wrk's script
  hands out send times at that rate to whichever connection is free, in steps of a millisecond (wrk's timers), whatever the answers take.
  \`late %\` is the share for which no connection was free in time; above 1 % the client or the machine was too slow, and the p99 is
  only a lower bound.
- \`idle\`: what resident memory grew by, per connection; a peer is started anew for every round. Socket memory of the kernel is not in it.
- \`threads\`: n threads have n CPU seconds per second to spend, so the speed-up is n times (requests per CPU second with n threads) /
  (the same with one); it does not depend on how much CPU the client leaves them.
- \`newcomers\`: 500 keep-alive connections that ask again at once keep the peer busy; 100 others a second come, ask once and go. Latencies
  are those of the newcomers, from opening the connection to its end.
- \`handshakes-…\`: every connection does a handshake and says goodbye, 16 at once; the client makes sure that each was resumed, or
  none. All peers agree on the same cipher, certificate and curve, which is looked at before; tickets are what is resumed by.
- New connections leave closed ones behind for a minute (TIME_WAIT): every peer has its own loopback addresses on both sides, so
  that none finds the ports used up by another.
`;

export interface Section {
  readonly scenario: string;
  readonly about: string;
  readonly date: string;
  readonly machine: string;
  readonly versions: readonly string[];
  readonly pinning: string;
  /** CPUs that other programs kept busy meanwhile. */
  readonly othersCpus: number;
  readonly command: string;
  readonly table: string;
}

/** Writes `section` to the file, in place of the one of the same scenario. */
export function recordSection(section: Section, file = RESULTS_FILE): void {
  const before = existsSync(file) ? readFileSync(file, 'utf8') : PREAMBLE;
  writeFileSync(file, withSection(before, section));
}

/** `text` with `section` instead of its predecessor, or at the end; everything else stays as it is. */
export function withSection(text: string, section: Section): string {
  const rendered = renderSection(section);
  const parts = text.split(/^(?=## )/m);
  const at = parts.findIndex((part) => part.split('\n', 1)[0] === `## ${section.scenario}`);
  if (at < 0) parts.push(rendered);
  else parts[at] = rendered;
  return `${parts.map((part) => part.trimEnd()).join('\n\n')}\n`;
}

function renderSection(section: Section): string {
  return `## ${section.scenario}

${section.about}. ${section.date}; ${section.machine}; ${section.pinning};
other programs used ${section.othersCpus.toFixed(2)} of a CPU meanwhile.
${section.versions.join('; ')}.

\`${section.command}\`

${section.table}
`;
}
