// The head of a host's page: its name, its state and since when, its labels, what can be done, one line of facts.

import { h, icon, marks, state } from './dom.js';
import { bytes, length, moment, shortMoment } from './format.js';

/** Labels that are shown; the others are told by their count. */
const LABELS = 6;

const tag = (words, title) => h('span', { class: 'tag', title }, words);

function tagsOf({ group, labels }) {
  const all = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  const rest = all.slice(LABELS);
  return h(
    'span',
    { class: 'tags' },
    group ? tag(`group ${group}`) : null,
    all.slice(0, LABELS).map((words) => tag(words, words)),
    rest.length ? tag(`+${rest.length}`, rest.join('\n')) : null,
  );
}

/** What is said beside the state; alarms have a banner of their own. */
const marksOf = (name, one) => marks({ ...one, name, alarms_firing: 0, cause: null });

/** When the machine was booted, in words. */
function booted(value) {
  const at = value('boot_time_s');
  if (!at) return null;
  return `booted ${shortMoment(at * 1000)}, ${length(Date.now() - at * 1000)} ago`;
}

/** The facts: an icon, what it is for those who do not see it, and the words. */
function factsOf(name, one, value) {
  const { os, kernel, cpus, architecture, hostname, probe_version: probe } = one.facts;
  const cores = cpus ? `${cpus} ${cpus === 1 ? 'core' : 'cores'}` : null;
  const total = value('mem_total_bytes');
  const join = (...words) => words.filter(Boolean).join(', ') || null;
  return [
    ['server', 'Machine', join(os, kernel ? `kernel ${kernel}` : null)],
    ['cpu', 'CPU', join(cores, architecture)],
    ['memory', 'Memory', total ? bytes(total) : null],
    ['reboot', 'Boot', booted(value)],
    ['terminal', 'Hostname', hostname && hostname !== name ? hostname : null],
    ['link', 'Addresses', one.addresses.join(', ')],
    ['clock', 'Schedule', one.schedule],
    ['gauge', 'Probe', probe ? `probe ${probe}` : null],
  ].filter(([, , words]) => words);
}

/** The line of a host's name; `actions` is put at its end. */
export const titleOf = (name, one) => [
  h('h1', {}, name),
  h('span', { class: `pill st ${one.state}` }, [...state(one.state).childNodes]),
  one.since_ms
    ? h(
        'span',
        { class: 'age', title: `since ${moment(one.since_ms)}` },
        `for ${length(Date.now() - one.since_ms)}`,
      )
    : null,
  ...marksOf(name, one),
  tagsOf(one),
];

/** The line of facts; `value` has the columns of the last poll. */
export const factLine = (name, one, value) =>
  factsOf(name, one, value).map(([sign, what, words]) =>
    h(
      'div',
      {},
      h('dt', { title: what }, icon(sign, 's'), h('span', { class: 'said' }, what)),
      h('dd', {}, words),
    ),
  );
