import { expect, test } from 'vitest';
import { Rates } from '#src/rates.js';

const limits = { standard: { perSecond: 2, burst: 10 }, high: { perSecond: 100, burst: 100 } };
/** In which an empty bucket of the slower class fills. */
const fillMs = 5_000;

function createRates() {
  const clock = { at: 1_000_000, now: () => clock.at };
  return { clock, rates: new Rates(limits, clock) };
}

test('who was not seen for as long as a bucket takes to fill is forgotten', () => {
  const { clock, rates } = createRates();
  for (let user = 0; user < 100; user += 1) rates.take(`user ${user}`, 'standard');
  expect(rates.size).toBe(100);
  for (let turn = 0; turn < 2; turn += 1) {
    clock.at += fillMs;
    rates.forget(clock.at);
  }
  expect(rates.size).toBe(0);
});

test('L5 nobody gets tokens by being forgotten', () => {
  const { clock, rates } = createRates();
  let allowed = 0;
  // Asks at uneven times for a minute, and others ask meanwhile.
  for (let step = 0; clock.at < 1_060_000; step += 1) {
    if (rates.take('greedy', 'standard') === 0) allowed += 1;
    rates.take(`other ${step % 7}`, 'standard');
    rates.forget(clock.at);
    clock.at += step % 100 === 99 ? fillMs - 1 : 7;
  }
  expect(allowed).toBeLessThanOrEqual(10 + 60 * 2);
  expect(allowed).toBeGreaterThan(100);
});

test('a bucket that is not full is kept', () => {
  const { clock, rates } = createRates();
  while (rates.take('mia', 'standard') === 0);
  for (let waited = 0; waited < fillMs; waited += 500) {
    expect(rates.size).toBe(1);
    clock.at += 500;
    rates.forget(clock.at);
  }
  // Full again, not fuller.
  let allowed = 0;
  while (rates.take('mia', 'standard') === 0) allowed += 1;
  expect(allowed).toBe(10);
});
