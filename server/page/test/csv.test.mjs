// The values of a graph as CSV: what is not known is empty, and no name is a formula.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csvOf } from '../csv.js';

const line = (name, ...plus) => ({ name, plus, minus: [] });

test('a line per point; a column where a line is one; what is unknown, or between polls, is empty', () => {
  const text = csvOf({
    unit: 'pct',
    seconds: [1_795_975_200, 1_795_975_205.5],
    lines: [line('user', 'cpu_user_pct'), line('irq', 'cpu_irq_pct', 'cpu_softirq_pct')],
    values: [
      [1.25, null],
      [0, undefined],
    ],
    range: { min: [1, null], max: [2, null] },
  });
  assert.equal(
    text,
    'time,cpu_user_pct,irq (pct),least,most\r\n' +
      '2026-11-29T18:00:00.000Z,1.25,0,1,2\r\n2026-11-29T18:00:05.500Z,,,,\r\n',
  );
});

test('names come from hosts: a spreadsheet takes none for a formula, nor for two cells', () => {
  const names = ['=1+2', '+a', '-a', '@a', 'a,b', 'a"b', 'plain-1'];
  const lines = names.map((name) => line(name));
  const head = csvOf({ unit: '', seconds: [], lines, values: names.map(() => []) }).trimEnd();
  assert.equal(head, `time,'=1+2,'+a,'-a,'@a,"a,b","a""b",plain-1`);
});
