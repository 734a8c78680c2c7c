// What needs a person: hosts that are not well, each with its cause and what is known of it, or one row per cause.

import { alarmsAt, alarmWords, arrange, become, fill, glyph, h, icon, link, state } from './dom.js';
import { clock, length, sentence } from './format.js';
import { t, term, tn } from './i18n.js';
import { at, hostAt } from './place.js';
import { byCause, MANY, ticks } from './trouble.js';

/** Rows that are shown at most; the table has the others. */
const MOST = 12;
/** Hosts that are shown of a cause that is opened. */
const OPENED = 10;

/** The colours of a row: those of the state that is as grave. */
const TONES = { critical: 'down', warning: 'degraded' };

function ticksOf(entry, news, now) {
  const { changesOf, since } = news;
  const marks = ticks(entry, changesOf.get(entry.host.name) ?? [], now, since);
  return h(
    'span',
    { class: 'ticks', 'aria-hidden': 'true' },
    marks.map((mark) => h('i', { class: mark ?? 'none' })),
  );
}

/** A link to the alerts of a host, when some fire. */
function alertsOf({ members, more, host }) {
  if (members || !host.alarms_firing) return null;
  const words = link(alarmsAt(host.name), alarmWords(host.alarms_firing));
  words.classList.add('lift');
  return [more ? ' · ' : null, words];
}

function rowOf(entry, who, news, now, props = {}) {
  const tone = TONES[entry.kind] ?? entry.kind;
  const isAlarm = TONES[entry.kind] !== undefined;
  const kind = () => state(entry.kind, isAlarm ? sentence(term('severity', entry.kind)) : undefined);
  return h(
    'li',
    { class: `${tone} ${entry.isSilenced ? 'calm' : ''}`, 'data-name': entry.host.name, ...props },
    h('span', { class: 'kind' }, kind()),
    h('div', { class: 'who' }, who),
    h(
      'div',
      { class: 'why' },
      h('b', { title: entry.words }, entry.words),
      h('span', { title: entry.more }, entry.more, alertsOf(entry)),
    ),
    ticksOf(entry, news, now),
    h(
      'div',
      { class: 'ago' },
      entry.since ? length(now - entry.since) : null,
      entry.since ? h('span', {}, t('since {time}', { time: clock(entry.since) })) : null,
    ),
    icon(entry.isSilenced ? 'bell-off' : 'right', 'go'),
  );
}

/** Where a host is, in one line. */
const whereOf = ({ group, address }) => [group, address?.replace(/:\d+$/, '')].filter(Boolean).join(' · ');

function hostRow(entry, news, now) {
  const { host } = entry;
  const who = [
    h('a', { class: 'cover', href: hostAt(host.name), 'data-link': true }, h('b', {}, host.name)),
    h('span', {}, whereOf(host)),
  ];
  return rowOf(entry, who, news, now);
}

/** A cause: its row opens and closes what hosts it has. */
function causeRow(group, isOpen, news, now) {
  if (group.members.length === 1) return hostRow(group.members[0], news, now);
  const who = [
    h(
      'button',
      { type: 'button', class: 'cover plain', 'aria-expanded': String(isOpen), 'data-cause': group.id },
      h('b', {}, tn(group.members.length, '{n} host', '{n} hosts')),
    ),
    h('span', {}, group.groups.join(', ')),
  ];
  return rowOf(group, who, news, now, { 'data-name': group.id });
}

/** The rows of what is shown, and how many hosts are not among them. */
function rowsOf(entries, hosts, view, news, now) {
  if (!view.isByCause) {
    const rows = entries.slice(0, MOST).map((entry) => hostRow(entry, news, now));
    return [rows, entries.length - rows.length];
  }
  const rows = [];
  const groups = byCause(entries, hosts).slice(0, MOST);
  let shown = 0;
  for (const group of groups) {
    const isOpen = view.open === group.id;
    rows.push(causeRow(group, isOpen, news, now));
    shown += group.members.length;
    if (isOpen) rows.push(...group.members.slice(0, OPENED).map((entry) => hostRow(entry, news, now)));
  }
  return [rows, entries.length - shown];
}

/** By cause or by host: asked for when there are many. */
function choice(view, changed) {
  const button = (words, isByCause) => {
    const choose = () => {
      view.chosen = isByCause;
      changed();
    };
    return h('button', { type: 'button', onclick: choose }, words);
  };
  const [cause, host] = [button(t('By cause'), true), button(t('By host'), false)];
  return {
    element: h('div', { class: 'seg sm', role: 'group', 'aria-label': t('Rows') }, cause, host),
    draw(isByCause) {
      cause.setAttribute('aria-pressed', String(isByCause));
      host.setAttribute('aria-pressed', String(!isByCause));
    },
  };
}

/** What is said where nobody is needed. */
function calm(element, live, isCalm) {
  const { up = 0 } = live.counts;
  const all = live.hosts.size;
  element.hidden = !isCalm || up === 0;
  const words =
    up === all
      ? tn(up, 'All {n} host are up', 'All {n} hosts are up')
      : tn(
          all,
          '{up} of {n} host are up, none needs attention',
          '{up} of {n} hosts are up, none needs attention',
          {
            up,
          },
        );
  fill(element, glyph('up'), ` ${words}`);
}

/** The card's head: what is gravest, how many there are, of how many causes. */
function heading(segment) {
  const mark = h('span', {});
  const count = h('span', { class: 'badge' });
  const causes = h('span', { class: 'm' });
  const hour = h('span', { class: 'm t1 hour' }, t('Last hour'));
  const space = h('span', { class: 'sp' });
  return {
    element: h(
      'header',
      {},
      mark,
      h('h2', {}, t('Needs attention')),
      count,
      causes,
      space,
      segment.element,
      hour,
    ),
    draw(entries, isMany, groups) {
      const worst = entries[0] && (TONES[entries[0].kind] ?? entries[0].kind);
      fill(mark, worst ? glyph(worst) : []);
      count.className = `badge ${worst ?? ''}`;
      count.textContent = entries.length;
      causes.textContent = groups ? tn(groups, 'in {n} cause', 'in {n} causes') : '';
      segment.element.hidden = !isMany;
      segment.draw(groups > 0);
      hour.hidden = isMany;
    },
  };
}

/** The list of what needs attention; `changed` is called when another one was asked for. */
export function attention(changed) {
  const view = { chosen: null, open: null, isByCause: false };
  const list = h('ul', { class: 'trouble-list' });
  const head = heading(choice(view, changed));
  const more = h('p', { class: 'more', hidden: true });
  const props = { class: 'card trouble', 'aria-label': t('Needs attention'), hidden: true };
  const element = h('section', props, head.element, list, more);
  const well = h('p', { class: 'card well', role: 'status', hidden: true });
  let rows = new Map();
  list.addEventListener('click', (event) => {
    const cause = event.target.closest('[data-cause]')?.dataset.cause;
    if (!cause) return;
    view.open = view.open === cause ? null : cause;
    changed();
  });
  return {
    elements: [element, well],
    draw(entries, live, news) {
      const hosts = [...live.hosts.values()];
      const isMany = entries.length >= MANY;
      view.isByCause = isMany && (view.chosen ?? true);
      const [fresh, left] = rowsOf(entries, hosts, view, news, live.at);
      // A row stays the same while its host is: the focus may be in it.
      const made = new Map();
      for (const row of fresh) {
        const key = made.has(row.dataset.name) ? `${row.dataset.name} again` : row.dataset.name;
        const known = rows.get(key) ?? row;
        become(known, row);
        made.set(key, known);
      }
      rows = made;
      arrange(list, [...rows.values()]);
      element.hidden = entries.length === 0;
      head.draw(entries, isMany, view.isByCause ? byCause(entries, hosts).length : 0);
      more.hidden = left <= 0;
      fill(
        more,
        link(at('?state=down,suspect,degraded#hosts'), t('Show {n} more in the table', { n: left })),
      );
      calm(well, live, entries.length === 0);
    },
  };
}
