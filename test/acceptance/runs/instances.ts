/** Instances are killed, started, registered and deregistered at random under load, and nobody notices. */
import {
  ModifyLoadBalancerAttributesCommand,
  CreateAppCookieStickinessPolicyCommand,
  CreateLBCookieStickinessPolicyCommand,
  SetLoadBalancerPoliciesOfListenerCommand,
} from '@aws-sdk/client-elastic-load-balancing';
import { HTTP_PORT, TCP_PORT } from '../../../bench/addresses.ts';
import { SeededRandom, systemRandom } from '../../../src/kit/random.ts';
import { Chaos } from '../fleet/chaos.ts';
import { FleetClients } from '../fleet/clients.ts';
import { APPLICATION_COOKIE, FLEET_HTTP_PORT, FLEET_TCP_PORT, FleetInstance } from '../fleet/instance.ts';
import { lastFor, type AcceptanceRun, type Lab } from '../lab.ts';
import { WeirUnderTest } from '../weir.ts';

const INSTANCES = 20;
const STEP_MS = 200;
/** Of the changes; the load begins before and ends after them. */
const SECONDS = Number(process.env['WEIR_INSTANCES_SECONDS'] ?? 120);
const SEED = Number(process.env['WEIR_INSTANCES_SEED'] ?? systemRandom.below(2 ** 32));
const CLIENTS_OF_EACH_KIND = 6;
const APPLICATION_PORT = HTTP_PORT + 1;
const LB = { LoadBalancerName: 'fleet' };
/** The shares of all steps that must have come to something. */
const MIN_STEPS = 0.8;

export const instances: AcceptanceRun = {
  name: 'instances',
  about: `one of ${INSTANCES} instances is killed, started, registered or deregistered every ${STEP_MS} ms, and no request fails for it`,
  needs: [],
  limitSeconds: SECONDS + 180,
  async run(lab) {
    lab.figures.note('seed (WEIR_INSTANCES_SEED)', SEED);
    const prefix = lab.addresses.front.slice(0, lab.addresses.front.lastIndexOf('.'));
    const fleet = Array.from(
      { length: INSTANCES },
      (_, i) => new FleetInstance(`${prefix}.${30 + i}`, `${prefix}.${30 + i}`),
    );
    lab.own(() => fleet.forEach((instance) => instance.kill()));
    for (const instance of fleet) await instance.start();
    const weir = await WeirUnderTest.start(lab);
    await create(weir, fleet);
    const chaos = new Chaos({
      weir,
      loadBalancer: LB.LoadBalancerName,
      fleet,
      random: new SeededRandom(SEED),
      stepMs: STEP_MS,
    });
    const clients = new FleetClients({
      host: lab.addresses.front,
      durationPort: HTTP_PORT,
      applicationPort: APPLICATION_PORT,
      tcpPort: TCP_PORT,
      clients: CLIENTS_OF_EACH_KIND,
      random: new SeededRandom(SEED + 1),
      ledger: chaos.ledger,
      standing: chaos.standing,
    });
    await lastFor(2000);
    await chaos.rage(SECONDS * 1000);
    await chaos.mend();
    await lastFor(2000);
    await clients.stop();
    report(lab, chaos);
    await demandNothingLeft(lab, weir);
    await weir.demandSoundEnd(lab);
  },
};

async function create(weir: WeirUnderTest, fleet: readonly FleetInstance[]): Promise<void> {
  const { client } = weir;
  await weir.create({
    name: LB.LoadBalancerName,
    listeners: [
      { protocol: 'HTTP', port: HTTP_PORT, instancePort: FLEET_HTTP_PORT },
      { protocol: 'HTTP', port: APPLICATION_PORT, instancePort: FLEET_HTTP_PORT },
      { protocol: 'TCP', port: TCP_PORT, instancePort: FLEET_TCP_PORT },
    ],
    instances: fleet.map(({ name }) => name),
    healthCheck: {
      Target: `HTTP:${FLEET_HTTP_PORT}/`,
      Interval: 5,
      Timeout: 2,
      HealthyThreshold: 2,
      UnhealthyThreshold: 2,
    },
  });
  const ConnectionDraining = { Enabled: true, Timeout: 300 };
  const LoadBalancerAttributes = { ConnectionDraining, CrossZoneLoadBalancing: { Enabled: true } };
  await client.send(new ModifyLoadBalancerAttributesCommand({ ...LB, LoadBalancerAttributes }));
  await client.send(new CreateLBCookieStickinessPolicyCommand({ ...LB, PolicyName: 'duration' }));
  await client.send(
    new CreateAppCookieStickinessPolicyCommand({ ...LB, PolicyName: 'application', CookieName: APPLICATION_COOKIE }),
  );
  for (const [LoadBalancerPort, policy] of [
    [HTTP_PORT, 'duration'],
    [APPLICATION_PORT, 'application'],
  ] as const) {
    await client.send(new SetLoadBalancerPoliciesOfListenerCommand({ ...LB, LoadBalancerPort, PolicyNames: [policy] }));
  }
}

function report(lab: Lab, chaos: Chaos): void {
  const { figures } = lab;
  const { ledger, deeds, count } = chaos;
  const wanted = Math.floor(((SECONDS * 1000) / STEP_MS) * MIN_STEPS);
  const text = Array.from(deeds, ([deed, times]) => `${times} ${deed}`).join(', ');
  figures.note('what was done', text);
  figures.demand('changes', count, `>= ${wanted}`, count >= wanted);
  figures.demand('requests and messages answered', ledger.answered, '> 0', ledger.answered > 0);
  const drained = chaos.inFlightAtDeregistration;
  figures.demand('requests in flight at a deregistration', drained, '> 0', drained > 0);
  figures.note('lost with a killed instance', ledger.lost);
  figures.note('on their way to one, not to be sent again', ledger.onTheirWay);
  figures.demand('other failures', ledger.unexcused, '0', ledger.unexcused === 0);
  figures.demand('sessions that left an instance that was there', ledger.strays, '0', ledger.strays === 0);
  for (const sample of ledger.samples) lab.say(sample);
}

/** Every target is idle again, and nothing waits. */
async function demandNothingLeft({ figures }: Lab, weir: WeirUnderTest): Promise<void> {
  const waiting = await weir.metric(`weir_surge_queue_length{load_balancer="${LB.LoadBalancerName}"}`);
  figures.demand('surge queue at the end', waiting, '0', waiting === 0);
}
