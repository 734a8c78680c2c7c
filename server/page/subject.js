// Which hosts are compared: what they are called, how they are chosen, what they come to.

import { h, fill, icon, link } from './dom.js';
import { labelsOf, membersOf } from './comparing.js';
import { withU } from './figures.js';
import { find, fits } from './finder.js';
import { NATURAL, percent, rate } from './format.js';
import { t, tn } from './i18n.js';
import { at } from './place.js';
import { sums } from './sums.js';

/** Tags of hosts that are shown; the others are told by their count. And entries of a kind that are offered. */
const TAGS = 6;
const OFFERED = 8;

const hostWords = (count) => tn(count, '{n} host', '{n} hosts');

/** What a view is about, in words. */
export function subjectWords({ group, label, hosts }) {
  if (hosts.length) return hosts.length === 1 ? hosts[0] : hostWords(hosts.length);
  if (label) return label;
  return group ? t('Group {group}', { group }) : t('All hosts');
}

/** Offers the hosts, groups and labels that can be compared. */
function offer(live, view, choose) {
  const all = [...live.hosts.values()];
  const groups = [...new Set(all.map(({ group }) => group).filter(Boolean))].sort(NATURAL.compare);
  const labels = [...new Set(all.flatMap(labelsOf))].sort(NATURAL.compare);
  // A host that is added to a group makes a list of both.
  const isSome = view.group || view.label;
  const named = view.hosts.length || !isSome ? view.hosts : membersOf(view, all).map(({ name }) => name);
  find({
    label: t('Add a host, or choose a group or a label'),
    placeholder: t('Host, group or label'),
    sections(typed) {
      const hosts = all.filter(({ name }) => !named.includes(name) && fits(name, typed)).slice(0, OFFERED);
      const some = groups.filter((group) => fits(group, typed)).slice(0, OFFERED);
      const tagged = labels.filter((label) => fits(label, typed)).slice(0, OFFERED);
      const members = (meant) => hostWords(membersOf({ hosts: [], ...meant }, all).length);
      return [
        [
          t('Add a host'),
          hosts.map(({ name, state, group }) => ({
            state,
            words: name,
            more: group ?? '',
            act: () => choose({ hosts: [...named, name], group: '', label: '' }),
          })),
        ],
        [
          t('Groups'),
          some.map((group) => ({
            icon: 'fleet',
            words: group,
            more: members({ group }),
            act: () => choose({ group, hosts: [], label: '' }),
          })),
        ],
        [
          t('Labels'),
          tagged.map((label) => ({
            icon: 'filter',
            words: label,
            more: members({ label }),
            act: () => choose({ label, hosts: [], group: '' }),
          })),
        ],
      ].filter(([, entries]) => entries.length);
    },
  });
}

/** The field of what is chosen; `choose(changes)` changes it. */
export function subjectField(live, choose) {
  const element = h('div', { class: 'field subject', role: 'group', 'aria-label': t('Which hosts') });
  return {
    element,
    draw(view) {
      const without = (words, changes) =>
        h(
          'button',
          { type: 'button', class: 'tag', title: t('Take away'), onclick: () => choose(changes) },
          words,
          icon('x', 's'),
        );
      const tags = view.hosts.map((name) =>
        without(name, { hosts: view.hosts.filter((other) => other !== name) }),
      );
      if (view.label && !view.hosts.length) tags.push(without(view.label, { label: '' }));
      else if (view.group && !view.hosts.length) tags.push(without(`group=${view.group}`, { group: '' }));
      const rest = tags.length - TAGS;
      const count = membersOf(view, [...live.hosts.values()]).length;
      const add = h(
        'button',
        { type: 'button', class: 'plain add', onclick: () => offer(live, view, choose) },
        icon('plus', 's'),
        t('Host, group or label'),
      );
      fill(
        element,
        tags.slice(0, TAGS),
        rest > 0 ? h('span', { class: 'tag' }, `+${rest}`) : null,
        h(
          'span',
          { class: 'm' },
          view.hosts.length || view.group || view.label ? hostWords(count) : t('All {n} hosts', { n: count }),
        ),
        add,
      );
    },
  };
}

/** What hosts come to now, a fact each. */
export function figuresOf(view, live) {
  const members = membersOf(view, [...live.hosts.values()]);
  const all = sums(members);
  const up = members.filter(({ state }) => state === 'up').length;
  const fact = (sign, name, words) => h('div', {}, h('dt', {}, icon(sign, 's'), name), h('dd', {}, ...words));
  const bold = (words) => h('b', {}, withU(words));
  return [
    fact('fleet', t('Up'), [h('b', {}, t('{n} of {all}', { n: up, all: members.length }))]),
    fact('cpu', t('CPU, mean'), [bold(percent(all.cpu_pct))]),
    fact('memory', t('Memory, mean'), [bold(percent(all.memory_pct))]),
    fact('net', t('Network, sum'), [
      '↑ ',
      bold(rate(all.tx_bytes_per_s)),
      ' ↓ ',
      bold(rate(all.rx_bytes_per_s)),
    ]),
    fact('disk', t('Fullest disk'), [bold(percent(all.disk_max_pct))]),
  ];
}

/** The way to the hosts themselves. */
export function wayTo({ group, label, hosts }) {
  if (hosts.length) return null;
  const chosen = label ? { label } : group ? { group } : null;
  const search = chosen ? `?${new URLSearchParams(chosen)}#hosts` : '#hosts';
  return link(at(search), group && !label ? t('Show its hosts') : t('Show the hosts'));
}
