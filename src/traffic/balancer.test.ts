import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { loadBalancerId } from '../model/load-balancer.ts';
import { Balancer } from './balancer.ts';
import { makeCounters, sharedCells } from './counters.ts';
import { Target } from './target.ts';
import { TARGET_STATE, TargetPage } from './target-table.ts';

const ID = loadBalancerId('000000000000', 'us-east-1', 'test');

/** Targets by their zones, in service, and a balancer over them. */
class Setting {
  readonly page = new TargetPage(2);
  readonly shared = sharedCells(makeCounters(2));
  readonly targets: Target[];
  readonly balancer: Balancer;

  constructor(zones: readonly string[], crossZone = true, enabledZones = [...new Set(zones)]) {
    this.targets = zones.map((zone, slot) => {
      this.page.setState(slot, TARGET_STATE.inService);
      const compiled = { slot, instanceId: `i-${slot}`, host: '127.0.0.1', port: 80, zone };
      return new Target(ID, compiled, 'HTTP', undefined, this.page, 0);
    });
    this.balancer = new Balancer(this.targets, enabledZones, crossZone, this.shared, 0);
  }

  setOut(...slots: number[]): void {
    for (const slot of slots) this.page.setState(slot, TARGET_STATE.outOfService);
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
  ['least outstanding', (balancer: Balancer, zone: number) => balancer.leastOutstanding(zone, undefined, Infinity)],
] as const;

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
      const other = new Balancer(setting.targets, ['a'], true, setting.shared, 0);
      let turn = 0;
      assert.deepEqual(
        setting.tally(400, () => choose(turn++ % 3 === 0 ? other : setting.balancer, 0)),
        [100, 100, 100, 100],
      );
    });

    test('finds the healthy target though another thread takes a turn between any two steps', () => {
      const setting = new Setting(of(2));
      setting.setOut(0);
      const other = new Balancer(setting.targets, ['a'], true, setting.shared, 0);
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
      const target = setting.balancer.leastOutstanding(0, undefined, Infinity)!;
      if (target.slot !== expected) assert.ok(target.outstanding <= setting.targets[expected]!.outstanding);
      target.begin();
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
      setting.tally(200, () => setting.balancer.leastOutstanding(0, undefined, Infinity)),
      [0, 0, 100, 100],
    );
  });

  test('leaves out what was tried, and what is at its cap', () => {
    const { balancer, targets } = new Setting(of(3));
    const tried: Target[] = [];
    for (let i = 0; i < 3; i++) {
      const target = balancer.leastOutstanding(0, tried, Infinity)!;
      assert.ok(!tried.includes(target));
      tried.push(target);
    }
    assert.equal(balancer.leastOutstanding(0, tried, Infinity), undefined);
    for (const target of targets) for (let i = 0; i < 2; i++) target.begin();
    targets[1]!.finish();
    assert.equal(balancer.leastOutstanding(0, undefined, 2), targets[1]);
    assert.equal(balancer.leastOutstanding(0, undefined, 1), undefined);
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
        for (let i = 0; i < turns; i++) setting.balancer.leastOutstanding(0, undefined, Infinity);
        const chosen = setting.balancer.leastOutstanding(0, undefined, Infinity);
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
