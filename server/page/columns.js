// The columns of the fleet's table: how each is drawn, and sorted.

import { glyph, h, marks, state } from './dom.js';
import { length, micros, number, parted, percent, rate, UNKNOWN } from './format.js';
import { t, term, tn } from './i18n.js';
import { STATES } from './live.js';
import { hostAt } from './place.js';
import { spark } from './spark.js';
import { isFresh } from './sums.js';
import { causeOf, outcomeWords } from './words.js';
import { inWords } from './sentences.js';

/** Shares from which a bar is marked, and marked as too much. */
const HIGH = 80;
const TOO_HIGH = 90;

export const level = (value) => (value >= TOO_HIGH ? 'hot' : value >= HIGH ? 'warn' : '');

/** A number with its unit in a slot of its own, so that digits stand below digits. */
export function num(words, props = {}, after = null) {
  const [value, unit] = parted(words);
  return h(
    'td',
    { class: 'num', ...props },
    h('span', { class: 'val' }, value),
    unit ? [' ', h('u', {}, unit)] : null,
    after,
  );
}

/** A share with its bar. Where nothing is known there is no bar, rather than an empty one. */
export function meter(value) {
  if (value === null) return num(UNKNOWN);
  const fill = h('i', {});
  fill.style.width = `${Math.min(100, value).toFixed(0)}%`;
  const [figure, unit] = parted(percent(value));
  const words = h('span', { class: 'val' }, figure, ' ', h('u', {}, unit));
  return h(
    'td',
    { class: 'num' },
    h('div', { class: `meter ${level(value)}` }, words, h('span', { class: 'bar' }, fill)),
  );
}
const text = (...words) => h('td', {}, ...words);

const worse = (value) => (value === null ? null : -value);
function mean(values) {
  const known = values.filter((value) => value !== null);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
}

const trailWords = (polls) => tn(polls, 'CPU over {n} poll', 'CPU over {n} polls');

/** A column of shares, or of other numbers. What a host said before it failed is no value of now. */
const valued = (value, cell) => ({
  numeric: true,
  by: (host) => (isFresh(host) ? worse(value(host)) : null),
  cell: (host) => cell(value(host)),
});
const shares = (key, label, value) => ({ key, label, ...valued(value, meter) });
const numbers = (key, label, value, words) => ({ key, label, ...valued(value, (one) => num(words(one))) });

/**
 * `by` sorts, gravest or greatest first, and what is not known last whatever the direction; `numeric` ones are set
 * to the right, `rising` ones are in ascending order when nothing else was asked for, the others in descending order.
 * `extra` ones are shown when they are chosen. `sums` says what a group of hosts has in the column: by which member
 * of `sums()`, and how it is drawn.
 */
export const COLUMNS = [
  {
    key: 'name',
    rising: true,
    label: t('Host'),
    by: (host) => host.name,
    cell: (host) =>
      h(
        'td',
        {},
        glyph(host.state),
        h('a', { class: 'cover', href: hostAt(host.name), 'data-link': true }, host.name),
        host.state === 'up' ? null : h('span', { class: 'said' }, ` ${term('state', host.state)}`),
        marks(host),
      ),
  },
  {
    key: 'state',
    rising: true,
    extra: true,
    label: t('State'),
    by: (host) => STATES.indexOf(host.state),
    cell: (host) => text(state(host.state)),
  },
  {
    key: 'group',
    rising: true,
    extra: true,
    label: t('Group'),
    by: (host) => host.group ?? '',
    cell: (host) => text(host.group ?? UNKNOWN),
  },
  {
    key: 'since',
    rising: true,
    extra: true,
    label: t('Since'),
    numeric: true,
    by: (host) => -host.since_ms,
    cell: (host, now) => num(length(now - host.since_ms)),
    // Another one each second.
    ages: true,
  },
  {
    key: 'outcome',
    rising: true,
    extra: true,
    label: t('Last poll'),
    by: (host) => host.outcome ?? '',
    cell: (host) =>
      h('td', { title: inWords(causeOf(host)) }, host.outcome ? outcomeWords(host.outcome) : UNKNOWN),
  },
  {
    key: 'trail',
    label: t('CPU, last polls'),
    by: (host) => (isFresh(host) ? worse(mean(host.trail)) : null),
    cell: (host) => text(spark(host.trail, trailWords(host.trail.length), 100, null, { tone: 'meter' })),
    sum: () => h('td', { class: 'm num' }, t('mean')),
  },
  { ...shares('cpu', 'CPU', (host) => host.cpu_busy_pct), sum: (all) => num(percent(all.cpu_pct)) },
  {
    ...shares('memory', t('Memory'), (host) => host.mem_used_pct),
    sum: (all) => num(percent(all.memory_pct)),
  },
  {
    ...shares('disk', t('Disk'), (host) => host.fs_used_max_pct),
    // Where there is room for it.
    more: t(' (fullest)'),
    sum: (all) => num(percent(all.disk_max_pct), {}, t(' fullest')),
  },
  numbers('pressure', t('Pressure'), (host) => host.pressure_some_max_avg10_pct, percent),
  {
    ...numbers('load', t('Load'), (host) => host.load_1, number),
    sum: () => h('td', { class: 'm num' }, t('sum')),
  },
  {
    ...numbers('rx', t('Net in'), (host) => host.net_rx_bytes_per_s, rate),
    sum: (all) => num(rate(all.rx_bytes_per_s)),
  },
  {
    ...numbers('tx', t('Net out'), (host) => host.net_tx_bytes_per_s, rate),
    sum: (all) => num(rate(all.tx_bytes_per_s)),
  },
  numbers('call', t('Latency'), (host) => host.call_us, micros),
];

/** A host's cell; the style knows it by its column. */
export function cellOf(column, host, now) {
  const cell = column.cell(host, now);
  cell.dataset.column = column.key;
  return cell;
}

/** What a group comes to in a column, whose `all` are its sums. */
export function sumOf(column, all) {
  const cell = column.sum?.(all) ?? h('td');
  cell.dataset.column = column.key;
  return cell;
}
