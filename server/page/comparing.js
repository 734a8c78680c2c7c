// What is compared: which hosts, by which column, each of them or the first of them. As the address has it.

import { at } from './place.js';
import { searchOf as spanSearch } from './span.js';

/** How many hosts a list of the first ones can have; the usual number. */
export const LENGTHS = [5, 10, 20, 50];
const USUAL = 10;
/** How hosts are drawn: a line each, a chart each, or what they come to together. */
export const DRAWN = ['lines', 'grid', 'mean', 'sum'];

/** What an address asks for, but its span. Without hosts and group it is about all; without a column about several. */
export function viewOf(search) {
  const asked = new URLSearchParams(search);
  const length = Number(asked.get('top'));
  return {
    group: asked.get('group') ?? '',
    /** `name=value`. */
    label: asked.get('label') ?? '',
    hosts: (asked.get('hosts') ?? '').split(',').filter(Boolean),
    column: asked.get('column') ?? (asked.has('top') ? 'cpu_busy_pct' : ''),
    /** How many are listed; 0: they are compared. */
    top: asked.has('top') ? (LENGTHS.includes(length) ? length : USUAL) : 0,
    isRising: asked.get('order') === 'asc',
    drawn: DRAWN.find((one) => one === asked.get('draw')) ?? DRAWN[0],
  };
}

/** The other way: the address of a view and its span. */
export function addressOf(view, span = {}) {
  const {
    group = '',
    label = '',
    hosts = [],
    column = '',
    top = 0,
    isRising = false,
    drawn = DRAWN[0],
  } = view;
  const said = new URLSearchParams();
  if (hosts.length) said.set('hosts', hosts.join(','));
  else if (label) said.set('label', label);
  else if (group) said.set('group', group);
  if (column) said.set('column', column);
  if (top) said.set('top', top);
  if (top && isRising) said.set('order', 'asc');
  if (!top && drawn !== DRAWN[0]) said.set('draw', drawn);
  for (const [key, value] of new URLSearchParams(spanSearch({ isOpen: true, ...span }))) said.set(key, value);
  // A comma may stand in a query as it is.
  return at(`compare${said.size ? `?${String(said).replaceAll('%2C', ',')}` : ''}`);
}

/** The address of what is compared of a group. */
export const groupAt = (group) => addressOf({ group });

/** Which hosts the server is asked about. */
export const askedOf = ({ group, label, hosts }) =>
  hosts.length ? { hosts: hosts.join(',') } : label ? { label } : { group };

/** The labels of hosts, as `name=value`. */
export const labelsOf = ({ labels }) => Object.entries(labels).map((pair) => pair.join('='));

/** Those of all hosts that are meant. */
export function membersOf({ group, label, hosts }, all) {
  if (hosts.length) return all.filter(({ name }) => hosts.includes(name));
  if (label) return all.filter((host) => labelsOf(host).includes(label));
  return group ? all.filter((host) => host.group === group) : all;
}
