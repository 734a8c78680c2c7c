// Which hosts of the fleet are shown, and in which order: as the address has it.

import { COLUMNS } from './columns.js';
import { NATURAL } from './format.js';

/** What an address asks for; what it does not say is as usual. `colours` are those the heat map has. */
export function viewOf(search, colours) {
  const asked = new URLSearchParams(search);
  const word = (key) => asked.get(key) ?? '';
  const known = (key, words, usually) => (words.includes(asked.get(key)) ? asked.get(key) : usually);
  return {
    q: word('q'),
    group: word('group'),
    label: word('label'),
    /** States, one after another; none stands for all. */
    states: word('state').split(',').filter(Boolean),
    sort: known(
      'sort',
      COLUMNS.map(({ key }) => key),
      'state',
    ),
    /** The direction, unless it is the column's usual one. */
    dir: known('dir', ['asc', 'desc'], null),
    by: known('colour', colours, 'state'),
  };
}

/** The other way: what an address says of a view. */
export function searchOf(view) {
  const said = new URLSearchParams();
  for (const key of ['q', 'group', 'label']) if (view[key]) said.set(key, view[key]);
  if (view.states.length) said.set('state', view.states.join(','));
  if (view.sort !== 'state') said.set('sort', view.sort);
  if (directionOf(view) !== usual(columnOf(view))) said.set('dir', directionOf(view));
  if (view.by !== 'state') said.set('colour', view.by);
  // A comma may stand in a query as it is.
  return said.size ? `?${String(said).replaceAll('%2C', ',')}` : '';
}

const usual = (column) => (column.rising ? 'asc' : 'desc');
const columnOf = (view) => COLUMNS.find(({ key }) => key === view.sort);
export const directionOf = (view) => view.dir ?? usual(columnOf(view));

/** Orders by a column; then the other way round; then as usual again. */
export function orderBy(view, column) {
  const isSorted = view.sort === column.key;
  const isTurned = isSorted && directionOf(view) !== usual(column);
  view.sort = isTurned && column.key !== 'state' ? 'state' : column.key;
  view.dir = isSorted && !isTurned ? (column.rising ? 'desc' : 'asc') : null;
}

/** Whether a host is meant: words in its name, group or labels, `key=value` for a label. */
export function matches(host, words) {
  return words.every((word) => {
    const [key, value] = word.split('=', 2);
    if (value !== undefined) return key === 'group' ? host.group === value : host.labels[key] === value;
    const lower = word.toLowerCase();
    const within = (text) => text.toLowerCase().includes(lower);
    if (within(host.name) || within(host.group ?? '')) return true;
    return Object.entries(host.labels).some(([label, text]) => label.includes(lower) || within(text));
  });
}

/** The hosts that a view shows, in its order; those that are alike stay as they come, in the order of names. */
export function chosen(hosts, view) {
  const words = view.q.split(/\s+/).filter(Boolean);
  const cut = view.label.indexOf('=');
  const [label, value] = [view.label.slice(0, cut), view.label.slice(cut + 1)];
  const isMeant = (host) =>
    (!view.states.length || view.states.includes(host.state)) &&
    (!view.group || host.group === view.group) &&
    (!view.label || host.labels[label] === value) &&
    matches(host, words);
  const column = columnOf(view);
  const sign = directionOf(view) === usual(column) ? 1 : -1;
  const order = ([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (typeof a === 'string' ? NATURAL.compare(a, b) : a - b);
  };
  return hosts
    .filter(isMeant)
    .map((host) => [column.by(host), host])
    .sort(order)
    .map(([, host]) => host);
}

/** Whether the address chooses some of the hosts. */
export const isNarrowed = (view) => Boolean(view.q || view.group || view.label || view.states.length);
