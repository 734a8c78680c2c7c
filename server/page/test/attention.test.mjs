// Which hosts need attention, and which of them have one cause: without a browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rank, sums } from '../sums.js';
import { alarmWords, byCause, entryOf, ticks, troubled } from '../trouble.js';
import { fault, summaryOf } from '../words.js';

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;

/** A host that is up; `more` is what it has otherwise. */
const host = (name, more = {}) => ({
  name,
  group: name.split('-')[0],
  labels: {},
  state: 'up',
  since_ms: NOW - 3 * 36e5,
  outcome: 'ok',
  cause: null,
  error: null,
  good_slot_ms: NOW - 5000,
  alarms_firing: 0,
  alarm_severity: null,
  cpu_busy_pct: 50,
  cpus_online: 4,
  mem_used_pct: 25,
  mem_total_bytes: 1000,
  fs_used_max_pct: 10,
  net_rx_bytes_per_s: 1,
  net_tx_bytes_per_s: 2,
  call_us: 100,
  ...more,
});
const down = (name, ago, more = {}) =>
  host(name, {
    state: 'down',
    since_ms: NOW - ago * MINUTE,
    outcome: 'refused',
    cause: `nothing listens on 10.0.0.${name.split('-')[1]}:50051`,
    ...more,
  });

test('what needs attention is in the order of its gravity, silenced last, and says why', () => {
  const hosts = [
    host('web-1'),
    host('web-2', { state: 'degraded', cause: 'clock 2s ahead, limit 1s', since_ms: NOW - MINUTE }),
    down('web-3', 4),
    down('web-4', 12),
    down('web-5', 60, { alarms_firing: 1, alarm_severity: 'critical' }),
    host('web-6', { state: 'suspect', outcome: 'deadline', cause: 'connected, but no answer within 1.5s' }),
    host('web-7', { alarms_firing: 1, alarm_severity: 'warning' }),
    host('web-8', { alarms_firing: 1, alarm_severity: 'info' }),
  ];
  const alarms = new Map([
    ['web-5', [{ host: 'web-5', rule: 'host-down', severity: 'critical', silenced_by: ['s1'] }]],
    [
      'web-7',
      [
        {
          host: 'web-7',
          rule: 'memory-low',
          severity: 'warning',
          summary: 'web-7: memory 97 % used',
          when: 'mem_used_pct > 95 %',
          fired_ms: NOW - 9 * MINUTE,
        },
      ],
    ],
  ]);
  const silences = new Map([['s1', { until_ms: NOW, why: 'moving rack' }]]);
  const all = troubled(hosts, alarms, silences);
  assert.deepEqual(
    all.map((one) => [one.host.name, one.kind, one.words]),
    [
      ['web-4', 'down', 'Refused: nothing listens on 10.0.0.4:50051'],
      ['web-3', 'down', 'Refused: nothing listens on 10.0.0.3:50051'],
      ['web-6', 'suspect', 'Deadline: connected, but no answer within 1.5s'],
      ['web-2', 'degraded', 'Clock 2s ahead, limit 1s'],
      ['web-7', 'warning', 'Memory 97 % used'],
      ['web-5', 'down', 'Refused: nothing listens on 10.0.0.5:50051'],
    ],
  );
  assert.match(all[4].more, /^memory-low: mem_used_pct > 95 %$/);
  assert.equal(all[4].since, NOW - 9 * MINUTE);
  assert.match(all[5].more, /host-down firing · silenced until .* \(moving rack\)/);
  assert.equal(entryOf(host('web-1')), null);
});

test('many hosts that fail in one way are one row, and a label that nearly all of them share is told', () => {
  const racked = Array.from({ length: 9 }, (_, number) =>
    down(`build-${number}`, 11, { labels: { rack: 'r12', env: 'prod' } }),
  );
  const others = [
    down('web-1', 40, { labels: { env: 'prod' } }),
    down('db-1', 300, { labels: { env: 'prod' } }),
  ];
  const well = Array.from({ length: 50 }, (_, number) => host(`app-${number}`, { labels: { env: 'prod' } }));
  const late = [1, 2].map((number) =>
    down(`late-${number}`, 5, { outcome: 'deadline', cause: 'connected, but no answer within 1.5s' }),
  );
  const hosts = [...racked, ...others, ...well, ...late];
  const groups = byCause(troubled(hosts), hosts);
  assert.deepEqual(
    groups.map((group) => [group.members.length, group.words]),
    [
      [9, 'Refused: nothing listens on port 50051'],
      [2, 'Refused: nothing listens on port 50051'],
      [2, 'Deadline: connected, but no answer within 1.5s'],
    ],
  );
  assert.match(groups[0].more, /build-0 … build-8 · all rack=r12 · within one minute of each other/);
  assert.ok(
    groups.slice(1).every(({ more }) => !more.includes('env=prod')),
    'what all hosts have explains nothing',
  );
  assert.equal(
    groups.reduce((sum, { members }) => sum + members.length, 0),
    13,
    'nobody is lost',
  );
});

test('the last hour in ticks: what a host was during each, and nothing where that is not known', () => {
  const entry = { host: down('web-1', 10), kind: 'down', since: NOW - 10 * MINUTE };
  const events = [
    { at_ms: NOW - 11 * MINUTE, from: 'up', to: 'suspect' },
    { at_ms: NOW - 10 * MINUTE, from: 'suspect', to: 'down' },
  ];
  const marks = ticks(entry, events, NOW);
  assert.equal(marks.length, 30);
  assert.deepEqual(
    [marks[0], marks[23], marks[24], marks[25], marks[29]],
    ['up', 'up', 'down', 'down', 'down'],
  );
  assert.deepEqual(ticks(entry, events, NOW, NOW - 20 * MINUTE).slice(0, 19), Array(19).fill(null));
  const alarm = { host: host('web-2'), kind: 'warning', since: NOW - 5 * MINUTE };
  assert.deepEqual([ticks(alarm, [], NOW)[0], ticks(alarm, [], NOW)[29]], ['up', 'degraded']);
});

test('sums weigh by what they are shares of, and leave out what is not of now', () => {
  const hosts = [
    host('a-1', { cpus_online: 12, cpu_busy_pct: 100 }),
    host('a-2', { cpus_online: 4, cpu_busy_pct: 0, mem_total_bytes: 3000, mem_used_pct: 75 }),
    host('a-3', { cpu_busy_pct: null, mem_used_pct: null, outcome: 'partial', state: 'degraded' }),
    down('a-4', 5),
    host('a-5', { state: 'paused' }),
  ];
  const all = sums(hosts);
  assert.deepEqual([all.cores, all.busy_cores, all.cpu_pct], [16, 12, 75]);
  assert.deepEqual([all.memory_bytes, all.used_bytes, all.memory_pct], [4000, 2500, 62.5]);
  assert.deepEqual([all.polled, all.answered, all.answered_pct], [4, 3, 75]);
  assert.deepEqual([all.rx_bytes_per_s, all.tx_bytes_per_s], [3, 6]);
  const none = sums([down('a-1', 1)]);
  assert.deepEqual(
    [none.cpu_pct, none.memory_pct, none.tx_bytes_per_s],
    [null, null, null],
    'unknown is not 0',
  );
  assert.deepEqual([rank([3, 1, 2], 50), rank([3, 1, 2], 95), rank([], 95)], [2, 3, null]);
});

test('an alarm is told without its host, which stands beside it', () => {
  const alarm = { host: 'web-1', rule: 'host-down', summary: 'web-1 is down: another machine' };
  assert.equal(alarmWords(alarm), 'Down: another machine');
  assert.equal(summaryOf({ host: 'web-1', summary: 'web-1: probe error' }), 'probe error');
});

test('an outcome is told in words, and not twice', () => {
  assert.equal(
    fault('probe_error', 'the probe answered Internal: x'),
    'Probe error: the probe answered Internal: x',
  );
  assert.equal(fault('too_large', null), 'Answer too large');
  assert.equal(fault('refused', 'Refused'), 'Refused');
  assert.equal(fault(null, 'an answer'), 'An answer');
});
