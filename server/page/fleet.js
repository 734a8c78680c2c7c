// All hosts: the state of the whole, what needs a person, then everything else. The address holds what is chosen.

import { addButton, firstRun } from './adding.js';
import { attention } from './attention.js';
import { arrange, fill, h, icon, link } from './dom.js';
import { chips, choice } from './filters.js';
import { t } from './i18n.js';
import { GROUPED, isGrouped, itemsOf } from './items.js';
import { news } from './news.js';
import { at } from './place.js';
import { picked } from './picked.js';
import { isPressed } from './press.js';
import { table } from './rows.js';
import { alarms, busiest, changes, disks } from './side.js';
import { sizeOf, tiles } from './summary.js';
import { columnMenu, densitySwitch, searchField, shownColumns } from './tools.js';
import { troubled } from './trouble.js';
import { chosen, isNarrowed, searchOf, viewOf } from './view.js';
import { COLOURS, map } from './map.js';

/** Labels that are offered for choice at most; any can be typed. */
const OFFERED = 300;

const unmatched = (typed) => (typed ? t('No hosts match "{typed}"', { typed }) : t('No hosts match'));

/** What stands in place of the table when no host is shown. */
function nothing(cleared) {
  const words = h('p', {});
  const clear = h('button', { type: 'button', onclick: cleared }, t('Clear filter'));
  const element = h('div', { class: 'none', hidden: true }, words, clear);
  return {
    element,
    draw(isEmpty, view) {
      element.hidden = !isEmpty;
      words.textContent = unmatched(view.q);
    },
  };
}

/** The labels of hosts as `key=value`, no more than are offered. */
function labelsOf(hosts) {
  const all = new Set();
  for (const { labels } of hosts) for (const pair of Object.entries(labels)) all.add(pair.join('='));
  return [...all].slice(0, OFFERED);
}

/** Shows all hosts of a group, or some again. */
const opener = (opened, changed) => (group) => {
  if (!opened.delete(group)) opened.add(group);
  changed();
};

/** Shows all hosts: no filter is left. */
const clearer = (view, input, changed) => () => {
  Object.assign(view, { q: '', group: '', label: '', states: [] });
  input.value = '';
  changed();
  input.focus();
};

/** The card of the table: what chooses its hosts, and the hosts. */
function hostsCard(view, changed) {
  const opened = new Set();
  let columns = shownColumns();
  const search = searchField(view, changed);
  const choose = (key) => (value) => {
    view[key] = value;
    changed();
  };
  const states = chips(view, changed);
  const groups = choice(t('Group'), t('All groups'), () => view.group, choose('group'));
  const labels = choice(t('Label'), t('All labels'), () => view.label, choose('label'));
  const menu = columnMenu((all) => {
    columns = all;
    changed();
  });
  const dense = densitySwitch();
  const picks = picked(changed);
  const rows = table(view, changed, opener(opened, changed), picks);
  const none = nothing(clearer(view, search.input, changed));
  const [title, count] = [h('h2', {}, t('Hosts')), h('span', { class: 'badge', role: 'status' })];
  const space = h('span', { class: 'sp' });
  const head = h(
    'header',
    {},
    title,
    count,
    space,
    picks.element,
    search.element,
    dense.element,
    menu.element,
  );
  const narrow = h('div', { class: 'row narrow' }, states.element, groups.element, labels.element);
  return {
    element: h(
      'section',
      { class: 'card hosts-card', id: 'hosts', 'aria-label': t('All hosts') },
      head,
      narrow,
      rows.element,
      none.element,
    ),
    dense,
    leave() {
      menu.leave();
      rows.leave();
    },
    draw(live, hosts, trouble) {
      const list = chosen(hosts, view);
      const isByGroup = isGrouped(view, hosts);
      const apart = new Set(isByGroup ? trouble.map(({ host }) => host) : []);
      const shown = list.filter((host) => !apart.has(host));
      const isEmpty = live.at !== 0 && list.length === 0;
      states.draw(live.counts);
      groups.offer(hosts.map((host) => host.group));
      labels.offer(labelsOf(hosts));
      title.textContent = apart.size ? t('Other hosts') : t('Hosts');
      const words = isNarrowed(view)
        ? t('{n} of {all} hosts', { n: shown.length, all: hosts.length })
        : String(shown.length);
      if (count.textContent !== words) count.textContent = words;
      rows.element.hidden = shown.length === 0;
      picks.draw(list, view);
      none.draw(isEmpty, view);
      rows.draw(itemsOf(shown, isByGroup, opened), columns, live.at);
      return list;
    },
  };
}

/** Where the page has news from. */
function listen(live, changed) {
  const sources = [
    [live, 'change', changed],
    [window, 'resize', changed],
    [window, 'roundsman:theme', changed],
    [window, 'roundsman:density', changed],
  ];
  for (const [source, name, heard] of sources) source.addEventListener(name, heard);
  return () => {
    for (const [source, name, heard] of sources) source.removeEventListener(name, heard);
  };
}

/** A small fleet has its map and what happened beside its list; a large one has both over it. */
function place(element, parts, isLarge) {
  if (element.dataset.large === String(isLarge)) return;
  element.dataset.large = isLarge;
  const { head, figures, attend, hosts, cells, cards } = parts;
  const stack = (all, name = 'stack') => h('div', { class: name }, all);
  const body = isLarge
    ? [...attend, cells, stack(cards, 'cards'), hosts]
    : [h('div', { class: 'two' }, stack([...attend, hosts]), stack([cells, ...cards]))];
  arrange(element, [head, figures, ...body]);
}

/** The title, and what is done from here. */
function headOf(live) {
  const size = h('span', { class: 'm', role: 'status' });
  const onWall = link(at('?wall'), [icon('expand', 's'), t('Wall')]);
  onWall.className = 'btn to-wall';
  const space = h('span', { class: 'sp' });
  return {
    element: h('div', { class: 'title' }, h('h1', {}, t('Fleet')), size, space, onWall, addButton(live)),
    draw: () => fill(size, sizeOf(live)),
  };
}

export function fleet(live, past) {
  const view = viewOf(location.search, Object.keys(COLOURS));
  let isWaiting = false;
  function update() {
    // Rows move when values come in: not while one is pressed.
    if (isWaiting || isPressed(update)) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      if (!element.isConnected || isPressed(update)) return;
      draw();
    });
  }
  const changed = () => {
    history.replaceState(null, '', at(searchOf(view)));
    update();
  };
  const told = news(live, update);
  const figures = tiles(past);
  const attend = attention(update);
  const hosts = hostsCard(view, changed);
  const cells = map(view, changed);
  const beside = { alarms: alarms(() => told), changes: changes(), disks: disks(), busiest: busiest(update) };
  const head = headOf(live);
  const element = h('div', { class: 'page fleet' });
  const parts = {
    head: head.element,
    figures: figures.element,
    attend: attend.elements,
    hosts: hosts.element,
    cells: cells.element,
    cards: Object.values(beside).map((card) => card.element),
  };

  let isFirst = true;
  const begin = firstRun(live, update);
  function draw() {
    const first = begin.elements();
    if (first) {
      arrange(element, first);
      element.dataset.large = '';
      return;
    }
    const all = [...live.hosts.values()];
    const { known } = told;
    const trouble = troubled(all, known.byHost, known.silences);
    place(element, parts, all.length > GROUPED);
    head.draw();
    figures.draw(live);
    attend.draw(trouble, live, known);
    hosts.dense.show();
    const list = hosts.draw(live, all, trouble);
    cells.draw(list, live, new Set(trouble.filter((one) => one.isSilenced).map(({ host }) => host.name)));
    beside.alarms.draw(known.alarms, live.at);
    beside.changes.draw(known.changes);
    beside.disks.draw(all);
    beside.busiest.draw(all);
    if (isFirst && live.at && location.hash === '#hosts') hosts.element.scrollIntoView();
    isFirst &&= !live.at;
  }
  const leave = listen(live, update);
  place(element, parts, live.hosts.size > GROUPED);
  update();
  const ends = [{ leave }, begin, told, hosts, cells, beside.disks];
  return { element, leave: () => ends.forEach((one) => one.leave()) };
}
