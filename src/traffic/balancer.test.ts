import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../kit/clock.ts';
import { loadBalancerId } from '../model/load-balancer.ts';
import { Balancer } from './balancer.ts';
import { CountLog } from './count-log.ts';
import { COUNT_LOG_ENTRIES, makeCounters, sharedCells } from './counters.ts';
import { Target } from './target.ts';
import { TARGET_STATE, TargetPage } from './target-table.ts';

const ID = loadBalancerId('000000000000', 'us-east-1', 'test');

/** Targets by their zones, in service, and a balancer over them. */
class Setting {
  readonly page = new TargetPage(2);
  readonly shared = sharedCells(makeCounters(2));
  readonly log = new CountLog(this.shared, 2);
  readonly targets: Target[];
  readonly balancer: Balancer;

  readonly clock = new FakeClock();
  readonly #zones: readonly string[];
  readonly #enabled: readonly string[];
  readonly #crossZone: boolean;
  readonly #slowStartMs: number;

  constructor(zones: readonly string[], crossZone = true, enabledZones = [...new Set(zones)], slowStartMs = 0) {
    this.#zones = zones;
    this.#enabled = enabledZones;
    this.#crossZone = crossZone;
    this.#slowStartMs = slowStartMs;
    for (const slot of zones.keys()) this.page.setState(slot, TARGET_STATE.inService);
    this.targets = this.targetsOf(0);
    this.balancer = this.balancerOver(this.targets);
  }

  /** The targets as a thread has them. */
  targetsOf(thread: number): Target[] {
    return this.#zones.map((zone, slot) => {
      const compiled = { slot, instanceId: `i-${slot}`, host: '127.0.0.1', port: 80, zone };
      return new Target(ID, compiled, 'HTTP', undefined, this.page, this.log, thread);
    });
  }

  balancerOver(targets: readonly Target[]): Balancer {
    return new Balancer({
      targets,
      zones: this.#enabled,
      crossZone: this.#crossZone,
      slowStartMs: this.#slowStartMs,
      clock: this.clock,
      shared: this.shared,
      log: this.log,
      ordinal: 0,
    });
  }

  setOut(...slots: number[]): void {
    for (const slot of slots) this.page.setState(slot, TARGET_STATE.outOfService);
  }

  flip(slot: number): void {
    const { inService, outOfService } = TARGET_STATE;
    this.page.setState(slot, this.page.state(slot) === inService ? outOfService : inService);
  }

  /** How often each target came out of `count` calls. */
  tally(count: number, choose: () => Target | undefined): number[] {
    const tally = this.targets.map(() => 0);
    for (let i = 0; i < count; i++) {
      const target = choose();
      if (target !== undefined) tally[target.slot]!++;
    }
    return tally;
  }
}

function of(count: number, zone = 'a'): string[] {
  return Array.from({ length: count }, () => zone);
}

/** Both ways to choose, where nothing is in flight. */
const WAYS = [
  ['round robin', (balancer: Balancer, zone: number) => balancer.roundRobin(zone, undefined, Infinity)],
  ['least outstanding', (balancer: Balancer, zone: number) => served(balancer, zone)],
] as const;

/** A request that is over at once. */
function served(balancer: Balancer, zone = 0): Target | undefined {
  const target = balancer.take(zone, undefined, Infinity);
  target?.finish();
  return target;
}

for (const [name, choose] of WAYS) {
  describe(`${name} without load`, () => {
    test('takes each healthy target in turn', () => {
      const { balancer, targets } = new Setting(of(3));
      const turns = Array.from({ length: 9 }, () => targets.indexOf(choose(balancer, 0)!));
      assert.deepEqual(turns, [...turns.slice(0, 3), ...turns.slice(0, 3), ...turns.slice(0, 3)]);
      assert.equal(new Set(turns.slice(0, 3)).size, 3);
    });

    test('shares what targets out of service do not take evenly among the others', () => {
      const setting = new Setting(of(5));
      setting.setOut(1, 2);
      assert.deepEqual(
        setting.tally(300, () => choose(setting.balancer, 0)),
        [100, 0, 0, 100, 100],
      );
    });

    test('finds the one healthy target wherever it stands, every time', () => {
      for (let alive = 0; alive < 4; alive++) {
        const setting = new Setting(of(4));
        setting.setOut(...[0, 1, 2, 3].filter((slot) => slot !== alive));
        assert.equal(setting.tally(50, () => choose(setting.balancer, 0))[alive], 50);
      }
    });

    test('finds none where none is in service, draining ones included', () => {
      const setting = new Setting(of(2));
      setting.setOut(0);
      setting.page.setState(1, TARGET_STATE.draining);
      assert.equal(choose(setting.balancer, 0), undefined);
      assert.equal(choose(new Setting([]).balancer, 0), undefined);
      assert.equal(choose(new Setting([], false, []).balancer, 0), undefined);
    });

    test('takes turns with the other threads', () => {
      const setting = new Setting(of(4));
      const other = setting.balancerOver(setting.targetsOf(1));
      let turn = 0;
      assert.deepEqual(
        setting.tally(400, () => choose(turn++ % 3 === 0 ? other : setting.balancer, 0)),
        [100, 100, 100, 100],
      );
    });

    test('finds the healthy target though another thread takes a turn between any two steps', () => {
      const setting = new Setting(of(2));
      setting.setOut(0);
      const other = setting.balancerOver(setting.targetsOf(1));
      let nested = false;
      for (const target of setting.targets) {
        const { inService } = target;
        Object.defineProperty(target, 'inService', {
          get() {
            if (nested) return inService;
            nested = true;
            choose(other, 0);
            nested = false;
            return inService;
          },
        });
      }
      assert.deepEqual(
        setting.tally(20, () => choose(setting.balancer, 0)),
        [0, 20],
      );
    });
  });
}

describe('least outstanding', () => {
  test('takes the target with the fewest requests in flight, whichever thread has them', () => {
    const setting = new Setting(of(3));
    for (const slot of [0, 0, 1, 1, 1, 2]) setting.page.addOutstanding(slot, 1, 1);
    for (const expected of [2, 0, 2]) {
      const target = setting.balancer.take(0, undefined, Infinity)!;
      if (target.slot !== expected) assert.ok(target.outstanding - 1 <= setting.targets[expected]!.outstanding);
    }
    assert.deepEqual(
      setting.targets.map(({ outstanding }) => outstanding),
      [3, 3, 3],
    );
  });

  test('shares evenly among those that tie, whatever the others have', () => {
    const setting = new Setting(of(4));
    setting.targets[0]!.begin();
    setting.targets[1]!.begin();
    assert.deepEqual(
      setting.tally(200, () => served(setting.balancer)),
      [0, 0, 100, 100],
    );
  });

  test('leaves out what was tried, and what is at its cap', () => {
    const { balancer, targets } = new Setting(of(3));
    const tried: Target[] = [];
    for (let i = 0; i < 3; i++) {
      assert.ok(balancer.hasOther(0, tried));
      const target = balancer.take(0, tried, Infinity)!;
      assert.ok(!tried.includes(target));
      tried.push(target);
    }
    assert.ok(!balancer.hasOther(0, tried));
    assert.equal(balancer.take(0, tried, Infinity), undefined);
    for (const target of targets) target.begin();
    targets[1]!.finish();
    assert.equal(balancer.take(0, undefined, 1), undefined);
    assert.equal(balancer.take(0, undefined, 2), targets[1]);
    assert.equal(balancer.take(0, undefined, 2), undefined);
  });

  test('never takes a target with more in flight than another one that could be taken', () => {
    const load = fc.array(fc.record({ outstanding: fc.nat(4), inService: fc.boolean() }), {
      minLength: 1,
      maxLength: 9,
    });
    fc.assert(
      fc.property(load, fc.nat(20), (load, turns) => {
        const setting = new Setting(of(load.length));
        for (const [slot, { outstanding, inService }] of load.entries()) {
          if (!inService) setting.setOut(slot);
          for (let i = 0; i < outstanding; i++) setting.page.addOutstanding(slot, 0, 1);
        }
        for (let i = 0; i < turns; i++) served(setting.balancer);
        const chosen = served(setting.balancer);
        const healthy = load.filter(({ inService }) => inService).map(({ outstanding }) => outstanding);
        if (healthy.length === 0) assert.equal(chosen, undefined);
        else {
          assert.ok(chosen?.inService);
          assert.equal(chosen.outstanding, Math.min(...healthy));
        }
      }),
    );
  });
});

describe('least outstanding over two threads', () => {
  const event = fc.oneof(
    { weight: 6, arbitrary: fc.record({ what: fc.constant('take' as const), thread: fc.nat(1) }) },
    { weight: 5, arbitrary: fc.record({ what: fc.constant('finish' as const), thread: fc.nat(99) }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('flip' as const), thread: fc.nat(99) }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('snapshot' as const), thread: fc.nat(1) }) },
  );

  test('takes one of the fewest in flight at every moment, whatever has happened before', () => {
    const run = fc.array(event, { maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), run, (count, events) => {
        const setting = new Setting(of(count));
        const targets = [setting.targets, setting.targetsOf(1)];
        const balancers = targets.map((own) => setting.balancerOver(own));
        const inFlight: Target[] = [];
        for (const { what, thread } of events) {
          if (what === 'take') {
            const serving = setting.targets.filter(({ inService }) => inService);
            const fewest = Math.min(...serving.map(({ outstanding }) => outstanding));
            const target = balancers[thread]!.take(0, undefined, Infinity);
            assert.equal(target === undefined, serving.length === 0);
            if (target === undefined) continue;
            assert.ok(target.inService);
            assert.equal(target.outstanding, fewest + 1);
            inFlight.push(target);
          } else if (what === 'finish') inFlight.splice(thread % (inFlight.length + 1), 1)[0]?.finish();
          else if (what === 'flip') setting.flip(thread % count);
          else balancers[thread] = setting.balancerOver(targets[thread]!);
        }
        for (const target of inFlight) target.finish();
        for (const { outstanding } of setting.targets) assert.equal(outstanding, 0);
      }),
    );
  });

  test('is right when a thread has balanced nothing while the others did much', () => {
    const setting = new Setting(of(10));
    const other = setting.balancerOver(setting.targetsOf(1));
    assert.ok(other.take(0, undefined, Infinity));
    for (let i = 0; i < COUNT_LOG_ENTRIES; i++) setting.balancer.take(0, undefined, Infinity);
    setting.targets[3]!.finish();
    setting.targets[3]!.finish();
    assert.equal(other.take(0, undefined, Infinity)!.slot, 3);
  });

  test('is right when the counts of a dead thread were taken back', () => {
    const setting = new Setting(of(3));
    for (const target of setting.targetsOf(1)) for (let i = 0; i < 5; i++) target.begin();
    setting.targets[0]!.begin();
    assert.notEqual(served(setting.balancer)!.slot, 0);
    setting.page.forgetThread(1);
    const slots = [0, 1].map(() => setting.balancer.take(0, undefined, Infinity)!.slot);
    assert.deepEqual(new Set(slots), new Set([1, 2]));
  });

  test('goes on with the turns where the last snapshot left them', () => {
    const setting = new Setting(of(4));
    let { balancer } = setting;
    const tally = setting.tally(400, () => {
      balancer = setting.balancerOver(setting.targets);
      return served(balancer);
    });
    assert.deepEqual(tally, [100, 100, 100, 100]);
  });
});

describe('slow start', () => {
  const SECONDS = 100;

  /** Four instances of which the last has just come into service beside the others. */
  function started(): Setting {
    const setting = new Setting(of(4), true, ['a'], SECONDS * 1000);
    setting.setOut(3);
    served(setting.balancer);
    setting.clock.advance(SECONDS * 1000);
    setting.flip(3);
    served(setting.balancer);
    return setting;
  }

  test('gives an instance that comes into service a share that grows in a straight line', () => {
    const setting = started();
    for (const [passed, share] of [
      [0, 0],
      [SECONDS / 4, 0.25],
      [SECONDS / 4, 0.5],
      [SECONDS / 4, 0.75],
      [SECONDS / 4, 1],
      [SECONDS, 1],
    ] as const) {
      setting.clock.advance(passed * 1000);
      const tally = setting.tally(4000, () => served(setting.balancer));
      assert.ok(Math.abs(tally[3]! - 1000 * share) <= 2, `${tally[3]} of 4000 for a share of ${share}`);
      assert.ok(Math.max(...tally.slice(0, 3)) - Math.min(...tally.slice(0, 3)) <= 2);
    }
  });

  test('does so under load too, where it has the fewest in flight all the time', () => {
    const setting = started();
    for (const target of setting.targets.slice(0, 3)) for (let i = 0; i < 50; i++) target.begin();
    setting.clock.advance((SECONDS / 2) * 1000);
    const tally = setting.tally(4000, () => served(setting.balancer));
    assert.ok(Math.abs(tally[3]! - 500) <= 2, `${tally[3]} of 4000`);
  });

  test('does not send more to an instance that is slow besides', () => {
    const setting = started();
    setting.clock.advance((SECONDS / 2) * 1000);
    const slow = setting.targets[3]!;
    slow.begin();
    assert.equal(setting.tally(4000, () => served(setting.balancer))[3], 0);
  });

  test('begins anew when an instance has been out of service', () => {
    const setting = started();
    setting.clock.advance(SECONDS * 2000);
    served(setting.balancer);
    setting.flip(3);
    served(setting.balancer);
    setting.flip(3);
    served(setting.balancer);
    assert.equal(setting.tally(400, () => served(setting.balancer))[3], 0);
  });

  test('goes on over a new snapshot', () => {
    const setting = started();
    setting.clock.advance((SECONDS / 2) * 1000);
    const balancer = setting.balancerOver(setting.targets);
    const tally = setting.tally(4000, () => served(balancer));
    assert.ok(Math.abs(tally[3]! - 500) <= 2, `${tally[3]} of 4000`);
  });

  test('is none where all instances are new: they share evenly', () => {
    const setting = new Setting(of(4), true, ['a'], SECONDS * 1000);
    assert.deepEqual(
      setting.tally(400, () => served(setting.balancer)),
      [100, 100, 100, 100],
    );
  });

  test('gives way when nobody else can serve', () => {
    const setting = started();
    setting.setOut(0, 1, 2);
    assert.equal(setting.tally(10, () => served(setting.balancer))[3], 10);
  });
});

describe('round robin', () => {
  test('leaves out what was tried, and what is at its cap', () => {
    const { balancer, targets } = new Setting(of(3));
    const tried: Target[] = [];
    for (let i = 0; i < 3; i++) tried.push(balancer.roundRobin(0, tried, Infinity)!);
    assert.equal(new Set(tried).size, 3);
    assert.equal(balancer.roundRobin(0, tried, Infinity), undefined);
    for (const target of targets) target.begin();
    targets[2]!.finish();
    for (let i = 0; i < 4; i++) assert.equal(balancer.roundRobin(0, undefined, 1), targets[2]);
  });

  test('does not look at how much is in flight', () => {
    const setting = new Setting(of(2));
    for (let i = 0; i < 9; i++) setting.targets[0]!.begin();
    assert.deepEqual(
      setting.tally(10, () => setting.balancer.roundRobin(0, undefined, Infinity)),
      [5, 5],
    );
  });
});

describe('without cross-zone balancing', () => {
  test('connections are given a zone in turn, and targets of that zone only', () => {
    const setting = new Setting(['a', 'b', 'b', 'c'], false);
    const { balancer } = setting;
    const zones = Array.from({ length: 300 }, () => balancer.chooseZone());
    for (const zone of [0, 1, 2]) assert.equal(zones.filter((each) => each === zone).length, 100);
    for (const [, choose] of WAYS) {
      assert.deepEqual(
        setting.tally(100, () => choose(balancer, 1)),
        [0, 50, 50, 0],
      );
      assert.deepEqual(
        setting.tally(100, () => choose(balancer, 0)),
        [100, 0, 0, 0],
      );
    }
  });

  test('a zone without a healthy target is left out, and the others share evenly', () => {
    const { balancer, ...setting } = new Setting(['a', 'b', 'c', 'd'], false);
    setting.page.setState(1, TARGET_STATE.outOfService);
    const zones = Array.from({ length: 300 }, () => balancer.chooseZone());
    for (const zone of [0, 2, 3]) assert.equal(zones.filter((each) => each === zone).length, 100, `zone ${zone}`);
  });

  test('a zone that is enabled and has no target at all is left out too', () => {
    const { balancer } = new Setting(['a', 'b'], false, ['x', 'a', 'b']);
    const zones = Array.from({ length: 100 }, () => balancer.chooseZone());
    assert.deepEqual(new Set(zones), new Set([1, 2]));
  });

  test('a target in a zone that is not enabled gets nothing', () => {
    const setting = new Setting(['a', 'b'], false, ['a']);
    for (const [, choose] of WAYS) {
      assert.deepEqual(
        setting.tally(10, () => choose(setting.balancer, setting.balancer.chooseZone())),
        [10, 0],
      );
    }
  });

  test('a connection whose zone has died goes to the others', () => {
    const setting = new Setting(['a', 'b', 'c'], false);
    setting.setOut(1);
    for (const [, choose] of WAYS) {
      const tally = setting.tally(100, () => choose(setting.balancer, 1));
      assert.deepEqual(tally, [50, 0, 50]);
    }
    setting.setOut(0, 2);
    for (const [, choose] of WAYS) assert.equal(choose(setting.balancer, 1), undefined);
  });
});

test('with cross-zone balancing the zones do not matter', () => {
  const setting = new Setting(['a', 'b', 'b', 'c'], true);
  for (const [, choose] of WAYS) {
    assert.deepEqual(
      setting.tally(100, () => choose(setting.balancer, setting.balancer.chooseZone())),
      [25, 25, 25, 25],
    );
  }
});
