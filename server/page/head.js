// The head of a host's page: its name, its state and since when, its labels, what can be done, one line of facts.

import { groupAt } from './comparing.js';
import { h, icon, marks, state } from './dom.js';
import { bytes, length, moment, shortMoment } from './format.js';
import { t, tn } from './i18n.js';

/** Labels that are shown; the others are told by their count. */
const LABELS = 6;

const tag = (words, title) => h('span', { class: 'tag', title }, words);

function tagsOf({ group, labels }) {
  const all = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  const rest = all.slice(LABELS);
  return h(
    'span',
    { class: 'tags' },
    group
      ? h(
          'a',
          { class: 'tag', href: groupAt(group), 'data-link': true, title: t('Compare this group') },
          t('group {group}', { group }),
        )
      : null,
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
  return t('booted {time}, {length} ago', {
    time: shortMoment(at * 1000),
    length: length(Date.now() - at * 1000),
  });
}

/** The facts: an icon, what it is for those who do not see it, and the words. */
function factsOf(name, one, value) {
  const { os, kernel, cpus, architecture, hostname, probe_version: probe } = one.facts;
  const cores = cpus ? tn(cpus, '{n} core', '{n} cores') : null;
  const total = value('mem_total_bytes');
  const join = (...words) => words.filter(Boolean).join(t(', ')) || null;
  return [
    ['server', t('Machine'), join(os, kernel ? t('kernel {version}', { version: kernel }) : null)],
    ['cpu', 'CPU', join(cores, architecture)],
    ['memory', t('Memory'), total ? bytes(total) : null],
    ['reboot', t('Boot'), booted(value)],
    ['terminal', t('Hostname'), hostname && hostname !== name ? hostname : null],
    ['link', t('Addresses'), one.addresses.join(t(', '))],
    ['clock', t('Schedule'), one.schedule],
    ['gauge', t('Probe'), probe ? t('probe {version}', { version: probe }) : null],
  ].filter(([, , words]) => words);
}

/** The line of a host's name; `actions` is put at its end. */
export const titleOf = (name, one) => [
  h('h1', {}, name),
  h('span', { class: `pill st ${one.state}` }, [...state(one.state).childNodes]),
  one.since_ms
    ? h(
        'span',
        { class: 'age', title: t('since {time}', { time: moment(one.since_ms) }) },
        t('for {length}', { length: length(Date.now() - one.since_ms) }),
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
