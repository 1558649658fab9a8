import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../kit/clock.ts';
import { CONTROL_STANDSTILL_MS, ControlWatch, mainThreadWaitsForDevice } from './control-watch.ts';

function watched() {
  const clock = new FakeClock();
  const state = { heartbeat: 0, waits: false, standstills: 0 };
  const watch = new ControlWatch({
    clock,
    heartbeat: () => state.heartbeat,
    waitsForDevice: () => state.waits,
    onStandstill: () => state.standstills++,
  });
  return { clock, state, watch };
}

describe('the watch over control', () => {
  it('tells once of a control that stands still, and not before its time', () => {
    const { clock, state } = watched();
    clock.advance(CONTROL_STANDSTILL_MS - 500);
    assert.equal(state.standstills, 0);
    clock.advance(500);
    assert.equal(state.standstills, 1);
    clock.advance(CONTROL_STANDSTILL_MS * 2);
    assert.equal(state.standstills, 1);
  });

  it('has nothing to tell while control lives, however seldom it comes round', () => {
    const { clock, state } = watched();
    for (let turn = 0; turn < 10; turn++) {
      clock.advance(CONTROL_STANDSTILL_MS - 1000);
      state.heartbeat++;
    }
    assert.equal(state.standstills, 0);
  });

  it('lets control wait for its disk, and tells when it stands still for no such reason', () => {
    const { clock, state } = watched();
    state.waits = true;
    clock.advance(CONTROL_STANDSTILL_MS * 3);
    assert.equal(state.standstills, 0);
    state.waits = false;
    clock.advance(500);
    assert.equal(state.standstills, 1);
  });

  it('ends when it is told to', () => {
    const { clock, state, watch } = watched();
    watch.stop();
    clock.advance(CONTROL_STANDSTILL_MS * 2);
    assert.equal(state.standstills, 0);
  });

  it('finds this thread, which runs, waiting for no device', () => {
    assert.equal(mainThreadWaitsForDevice(), false);
  });
});
