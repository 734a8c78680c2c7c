// What graphs are drawn of: sums, stacks, mirrors, axes; the decisions alone, without a browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GRAPHS, drawnOf, graphOf, heights, valuesOf } from '../graphs.js';
import { gapsOf } from '../points.js';
import { reboots } from '../reboots.js';
import { axisOf, tickWords } from '../ticks.js';

const graph = (key) => GRAPHS.find((one) => one.key === key);
const GIB = 2 ** 30;

test('the parts of CPU that are called busy sum to busy, and each layer lies upon those before', () => {
  const series = new Map([
    ['cpu_user_pct', [20, 30]],
    ['cpu_system_pct', [5, 6]],
    ['cpu_irq_pct', [1, 0]],
    ['cpu_softirq_pct', [2, 1]],
    ['cpu_nice_pct', [3, 0]],
    ['cpu_iowait_pct', [10, 2]],
    ['cpu_steal_pct', [0, 1]],
  ]);
  const cpu = graph('cpu');
  const values = cpu.lines.map((line) => valuesOf(line, series, 2));
  const drawn = heights(cpu.kind, values);
  assert.deepEqual(drawn[cpu.whole.lines - 1], [31, 37], 'user, system, irq, soft irq, nice');
  assert.deepEqual(drawn.at(-1), [41, 40]);
  assert.deepEqual(
    heights(cpu.kind, values, new Set([0])).at(-1),
    [21, 10],
    'one that is hidden takes no room',
  );
});

test('memory sums to its total without what is free, also where a kernel does not tell all of it', () => {
  const told = {
    mem_total_bytes: [16 * GIB],
    mem_free_bytes: [2 * GIB],
    mem_buffers_bytes: [GIB],
    mem_cached_bytes: [5 * GIB],
    mem_shmem_bytes: [0.5 * GIB],
    mem_dirty_bytes: [0.25 * GIB],
    mem_s_reclaimable_bytes: [0.5 * GIB],
    mem_s_unreclaim_bytes: [0.75 * GIB],
    mem_kernel_stack_bytes: [0.125 * GIB],
    mem_page_tables_bytes: [0.125 * GIB],
  };
  const memory = graph('memory');
  const top = (series) => {
    const values = memory.lines.map((line) => valuesOf(line, series, 1));
    return [heights(memory.kind, values).at(-1)[0] / GIB, values.map(([value]) => value && value / GIB)];
  };
  assert.deepEqual(top(new Map(Object.entries(told))), [14, [7, 1, 5.75, 0.25]]);
  const old = { ...told, mem_s_reclaimable_bytes: [null], mem_s_unreclaim_bytes: [null] };
  const [sum, [apps, kernel, cache]] = top(new Map(Object.entries(old)));
  assert.deepEqual([sum, kernel, cache], [14, 0.25, 5.25], 'what is not told is left in what apps have');
  assert.equal(apps, 8.25);
  const without = top(new Map(Object.entries({ ...told, mem_free_bytes: [null] })));
  assert.equal(without[1][0], null, 'an unknown is not 0');
});

test('a mirror has its second line below 0, and both ways count upwards in words', () => {
  assert.deepEqual(
    heights('mirror', [
      [1, null],
      [2, 0],
    ]),
    [
      [1, null],
      [-2, 0],
    ],
  );
  const { min, max, ticks } = axisOf(-20 * 1024, 70 * 1024, {
    unit: 'bytes_per_s',
    most: undefined,
    steps: 4,
  });
  assert.deepEqual([min, max], [-32 * 1024, 96 * 1024]);
  assert.deepEqual(
    ticks.map((tick) => tickWords('bytes_per_s', tick)),
    ['32 KiB/s', '0', '32 KiB/s', '64 KiB/s', '96 KiB/s'],
  );
});

test('ticks are round, begin at 0, and are three to six', () => {
  for (const unit of ['', 'bytes', 'pct', 'us', 'per_s']) {
    for (const high of [0.003, 0.4, 1, 3, 7.3, 26, 99, 1234, 5e6, 33e9]) {
      if ((unit === 'bytes' || unit === 'us') && high < 1) continue;
      const { max, ticks } = axisOf(0, high, { unit, most: undefined, steps: 4 });
      assert.ok(max >= high && ticks[0] === 0 && ticks.at(-1) === max, `${high} ${unit}`);
      assert.ok(ticks.length >= 2 && ticks.length <= 6, `${high} ${unit}: ${ticks}`);
      assert.equal(
        new Set(ticks.map((tick) => tickWords(unit, tick))).size,
        ticks.length,
        `${high} ${unit}: ${ticks}`,
      );
    }
  }
  assert.deepEqual(axisOf(0, 31, { unit: 'pct', most: 100, steps: 4 }).ticks, [0, 25, 50, 75, 100]);
  // A total that was rounded up is not a step more.
  assert.equal(axisOf(0, 30 * GIB, { unit: 'bytes', most: 64 * GIB * 1.0001, steps: 4 }).max, 64 * GIB);
});

test('every column is of one chart by its rules, and no question is longer than the server takes', () => {
  assert.equal(graphOf('cpu_busy_pct').key, 'cpu');
  assert.equal(graphOf('pressure_memory_full_avg10_pct').key, 'pressure');
  assert.equal(graphOf('disk_busy_max_pct').key, 'space');
  assert.equal(graphOf(null), undefined);
  for (const one of GRAPHS)
    for (const column of drawnOf(one).filter((each) => each !== 'call_us'))
      assert.ok(graphOf(column), `${column} of ${one.key}`);
});

test('a gap goes from the last answer to the next, and counts what failed in it', () => {
  const step = 10;
  const times = Array.from({ length: 12 }, (_, point) => point * step);
  // Nothing before the host was listed; then answers; then attempts that become rarer; then answers.
  const polls = [0, 0, 1, 1, 1, 1, 0, 1, 0, 1, 1, 1];
  const failed = [0, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0, 0];
  assert.deepEqual(gapsOf({ times, polls, failed, step }), [{ from: 40, to: 90, failed: 3 }]);
  const away = { times, polls: [1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1], failed: times.map(() => 0), step };
  assert.deepEqual(gapsOf(away), [{ from: 40, to: 90, failed: 0 }], 'nobody asked');
  const last = (count) => ({ ...away, polls: times.map((_, point) => Number(point < count)) });
  assert.deepEqual(gapsOf(last(10), 115), [], 'the next poll is due');
  assert.deepEqual(gapsOf(last(6), 115), [{ from: 60, to: 115, failed: 0 }], 'nobody asks any more');
});

test('a boot is told where the time since boot falls, and at its moment', () => {
  const seconds = [100, 110, 120, 130, 140];
  const marks = reboots({ seconds, series: new Map([['uptime_s', [5000, 5010, null, 4, 14]]]) });
  assert.deepEqual(
    marks.map(({ at, kind }) => [at, kind]),
    [[126_000, 'reboot']],
  );
  assert.deepEqual(reboots({ seconds, series: new Map([['uptime_s', [1, 11, 21, 31, 41]]]) }), []);
});
