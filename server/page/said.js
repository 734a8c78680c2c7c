// What is said of a host: its state and why, its facts, its changes of state.

import { became, facts, h, link, marks, state, titles } from './dom.js';
import { micros, moment, told } from './format.js';
import { at, hostAt } from './place.js';

/** Changes of state that are shown. */
const CHANGES = 50;

function factsOf(one) {
  const labels = Object.entries(one.labels).map(([key, value]) => `${key}=${value}`);
  const all = {
    Machine: one.facts.os,
    Kernel: one.facts.kernel,
    CPUs: one.facts.cpus,
    Architecture: one.facts.architecture,
    Hostname: one.facts.hostname,
    Probe: one.facts.probe_version,
    Addresses: one.addresses.join(', '),
    Schedule: one.schedule,
    Group: one.group,
    Labels: labels.join(', '),
    'Last answer': one.last_good_at_ms ? moment(one.last_good_at_ms) : 'never',
    'Answered in': one.last ? micros(one.last.call_us) : null,
  };
  return Object.entries(all).filter(([, value]) => value !== null && value !== undefined && value !== '');
}

/** A host's state, why it has it, and what is known of the machine. */
export function stateOf(name, one) {
  const since = one.since_ms ? `since ${moment(one.since_ms)}` : '';
  const badge = h('span', { class: 'badge' }, state(one.state));
  return [
    h(
      'div',
      { class: 'row' },
      h('h1', {}, name),
      badge,
      marks({ ...one, name }),
      h('span', { class: 'soft' }, since),
    ),
    h('p', {}, told(one.reason)),
    one.last?.error ? h('p', { class: 'soft' }, `Last poll: ${one.last.outcome}: ${one.last.error}`) : null,
    facts(factsOf(one)),
  ];
}

/** Why nothing is known of a host, and where to go from here. */
export function unknown(name, error) {
  const meant = /did you mean `([^`]+)`/.exec(error.message)?.[1];
  const ways = [...(meant ? [link(hostAt(meant), meant), ' · '] : []), link(at(''), 'All hosts')];
  return {
    words: [h('h1', {}, name), h('p', { class: 'none' }, error.message)],
    ways: h('p', { class: 'none' }, ways),
  };
}

function change(event) {
  return h(
    'tr',
    {},
    h('td', { class: 'when' }, moment(event.at_ms)),
    h('td', {}, state(event.from)),
    h('td', { class: 'to' }, became(event)),
    h('td', { class: 'words' }, told(event.reason)),
  );
}

/** A host's changes of state, newest first. */
export function changes(events) {
  if (events.length === 0) return h('p', { class: 'none' }, 'None is kept.');
  const rows = h('tbody', {}, events.slice(0, CHANGES).map(change));
  const table = h('table', { class: 'changes' }, titles(['When', 'From', 'To', 'Why']), rows);
  return h(
    'div',
    { class: 'scroll short', tabIndex: 0, role: 'region', 'aria-label': 'Changes of state' },
    table,
  );
}
