// The columns of the fleet's table: how each is drawn, and sorted.

import { h, marks, state } from './dom.js';
import { length, micros, number, percent, rate, UNKNOWN } from './format.js';
import { STATES } from './live.js';
import { hostAt } from './place.js';
import { spark } from './spark.js';

/** Shares from which a bar is marked, and marked as too much; as `roundsman top` has them. */
const HIGH = 75;
const TOO_HIGH = 90;

const level = (value) => (value >= TOO_HIGH ? 'hot' : value >= HIGH ? 'warm' : '');
/** A share with its bar. Where nothing is known there is no bar, rather than an empty one. */
function meter(value) {
  if (value === null) return num(UNKNOWN);
  const cell = h('td', { class: `meter ${level(value)}` }, percent(value));
  cell.style.setProperty('--share', `${Math.min(100, value).toFixed(0)}%`);
  return cell;
}
const num = (words) => h('td', { class: 'num' }, words);
const text = (...words) => h('td', {}, ...words);

const worse = (value) => (value === null ? null : -value);
function mean(values) {
  const known = values.filter((value) => value !== null);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
}

/** A column of shares, or of other numbers. */
const shares = (key, label, value) => ({
  key,
  label,
  numeric: true,
  by: (host) => worse(value(host)),
  cell: (host) => meter(value(host)),
});
const numbers = (key, label, value, words) => ({
  key,
  label,
  numeric: true,
  by: (host) => worse(value(host)),
  cell: (host) => num(words(value(host))),
});

/**
 * `by` sorts, gravest or greatest first, and what is not known last whatever the direction; `numeric` ones are set
 * to the right, `rising` ones are in ascending order when nothing else was asked for, the others in descending order.
 */
export const COLUMNS = [
  {
    key: 'state',
    rising: true,
    label: 'State',
    by: (host) => STATES.indexOf(host.state),
    cell: (host) => text(state(host.state), ...marks(host)),
  },
  {
    key: 'name',
    rising: true,
    label: 'Host',
    by: (host) => host.name,
    cell: (host) => text(h('a', { href: hostAt(host.name), 'data-link': true }, host.name)),
    // The same as long as the host is: the focus may be in it.
    stays: true,
  },
  {
    key: 'group',
    rising: true,
    label: 'Group',
    by: (host) => host.group ?? '',
    cell: (host) => text(host.group ?? UNKNOWN),
  },
  {
    key: 'since',
    rising: true,
    label: 'Since',
    numeric: true,
    by: (host) => -host.since_ms,
    cell: (host, now) => num(length(now - host.since_ms)),
    // Another one each second.
    ages: true,
  },
  {
    key: 'outcome',
    rising: true,
    label: 'Last poll',
    by: (host) => host.outcome ?? '',
    cell: (host) => h('td', { title: host.cause ?? host.error ?? '' }, host.outcome ?? UNKNOWN),
  },
  shares('cpu', 'CPU', (host) => host.cpu_busy_pct),
  {
    key: 'trail',
    label: 'CPU lately',
    by: (host) => worse(mean(host.trail)),
    cell: (host) => text(spark(host.trail, `CPU over ${host.trail.length} polls`, 100)),
  },
  shares('memory', 'Memory', (host) => host.mem_used_pct),
  shares('disk', 'Fullest fs', (host) => host.fs_used_max_pct),
  numbers('pressure', 'Pressure', (host) => host.pressure_some_max_avg10_pct, percent),
  numbers('load', 'Load', (host) => host.load_1, number),
  numbers('rx', 'In', (host) => host.net_rx_bytes_per_s, rate),
  numbers('tx', 'Out', (host) => host.net_tx_bytes_per_s, rate),
  numbers('call', 'Answer in', (host) => host.call_us, micros),
];

/** A host's cell; the style knows it by its column. */
export function cellOf(column, host, now) {
  const cell = column.cell(host, now);
  cell.dataset.column = column.key;
  return cell;
}
