// All hosts: counts, heat map, table. The address holds filter, order and colour.

import { alarmWords, h, fill, isTyping } from './dom.js';
import { percent } from './format.js';
import { chips, choice } from './filters.js';
import { heat } from './heat.js';
import { STATES } from './live.js';
import { at, hostAt } from './place.js';
import { isPressed } from './press.js';
import { table } from './rows.js';
import { chosen, searchOf, viewOf } from './view.js';

/** Labels that are offered for choice at most; any can be typed. */
const OFFERED = 300;
/** Pressure that has the most alarming colour, %. */
const PRESSED = 40;

const part = (value, whole = 100) => (value === null ? null : Math.min(1, value / whole));
/** What the heat map tells; `most` is what its last colour stands for. */
const COLOURS = {
  state: { label: 'State', paint: (host) => host.state },
  cpu: { label: 'CPU', most: '100 %', paint: (host) => part(host.cpu_busy_pct) },
  memory: { label: 'Memory', most: '100 %', paint: (host) => part(host.mem_used_pct) },
  disk: { label: 'Fullest filesystem', most: '100 %', paint: (host) => part(host.fs_used_max_pct) },
  busy: { label: 'Busiest disk', most: '100 %', paint: (host) => part(host.disk_busy_max_pct) },
  pressure: {
    label: 'Pressure',
    most: `${PRESSED} % and more`,
    paint: (host) => part(host.pressure_some_max_avg10_pct, PRESSED),
  },
};

/** What is said of the host that is pointed at in the heat map. */
function wordsOf(host) {
  const cause = host.cause ?? host.error;
  const values = [
    `CPU ${percent(host.cpu_busy_pct)}`,
    `memory ${percent(host.mem_used_pct)}`,
    `fullest fs ${percent(host.fs_used_max_pct)}`,
  ];
  const alarms = host.alarms_firing
    ? `\n${alarmWords(host.alarms_firing)}, the worst ${host.alarm_severity}`
    : '';
  return `${host.name}: ${host.state}${cause ? `, ${cause}` : ''}\n${values.join(', ')}${alarms}`;
}

/** What the colours of the heat map mean. */
function scaleOf(by) {
  const { most } = COLOURS[by];
  if (!most) return [];
  const ends = (words) => h('span', {}, words);
  return [
    ends('0 %'),
    h('span', { class: 'ramp' }),
    ends(most),
    h('span', { class: 'dot unknown' }),
    ends('unknown'),
  ];
}

/** The heat map with what it shows and how many hosts. */
function map(view, changed) {
  const by = h(
    'select',
    {
      'aria-label': 'Colour of the heat map',
      onchange: () => {
        view.by = by.value;
        changed();
      },
    },
    Object.entries(COLOURS).map(([value, { label }]) =>
      h('option', { value, selected: value === view.by }, label),
    ),
  );
  const cells = heat({
    paint: (host) => COLOURS[view.by].paint(host),
    words: wordsOf,
    open: (host) => dispatchEvent(new CustomEvent('roundsman:go', { detail: hostAt(host.name) })),
  });
  const shown = h('span', { class: 'soft', role: 'status' });
  const key = h('span', { class: 'row key', 'aria-hidden': 'true' });
  const choose = h('label', { class: 'soft' }, 'Colour ', by);
  return {
    element: h(
      'div',
      { class: 'card' },
      h('div', { class: 'row over-map' }, shown, key, choose),
      cells.element,
    ),
    leave: cells.leave,
    draw(list, live) {
      const counts = STATES.filter((word) => live.counts[word]).map((word) => `${live.counts[word]} ${word}`);
      cells.draw(list, `Heat map of ${list.length} hosts by ${COLOURS[view.by].label}: ${counts.join(', ')}`);
      const words = live.at ? `${list.length} of ${live.hosts.size} hosts` : 'waiting for the server';
      if (shown.textContent !== words) shown.textContent = words;
      if (key.dataset.by !== view.by) fill(key, scaleOf(view.by));
      key.dataset.by = view.by;
    },
  };
}

/** What stands in place of the table when no host is shown. */
function nothing(cleared) {
  const words = h('p', {});
  const clear = h('button', { type: 'button', onclick: cleared }, 'Clear the filter');
  const element = h('div', { class: 'none', hidden: true }, words, clear);
  return {
    element,
    draw(isEmpty, hosts) {
      element.hidden = !isEmpty;
      clear.hidden = hosts === 0;
      words.textContent = hosts
        ? 'No host matches the filter.'
        : 'There are no hosts yet: the inventory names none, or is not in force.';
    },
  };
}

/** The filter over names, groups and labels. */
function searchField(view, changed) {
  const search = h('input', {
    type: 'search',
    value: view.q,
    placeholder: 'Name, group, label, or rack=a1',
    'aria-label': 'Filter hosts',
    oninput: () => {
      view.q = search.value;
      changed();
    },
  });
  return search;
}

/** The parts of the page, by what they are called; `changed` is called when another view was asked for. */
function partsOf(view, changed) {
  const search = searchField(view, changed);
  const choose = (key) => (value) => {
    view[key] = value;
    changed();
  };
  const clear = () => {
    Object.assign(view, { q: '', group: '', label: '', state: '' });
    search.value = '';
    changed();
    search.focus();
  };
  return {
    search,
    states: chips(view, changed),
    groups: choice('Group', 'all groups', () => view.group, choose('group')),
    labels: choice('Label', 'all labels', () => view.label, choose('label')),
    map: map(view, changed),
    table: table(view, changed),
    none: nothing(clear),
  };
}

/** The labels of hosts as `key=value`, no more than are offered. */
function labelsOf(hosts) {
  const all = new Set();
  for (const { labels } of hosts) for (const pair of Object.entries(labels)) all.add(pair.join('='));
  return [...all].slice(0, OFFERED);
}

function draw(parts, view, live) {
  const hosts = [...live.hosts.values()];
  const list = chosen(hosts, view);
  const isEmpty = live.at !== 0 && list.length === 0;
  parts.states.draw(live.counts);
  parts.map.draw(list, live);
  parts.table.element.hidden = isEmpty;
  parts.none.draw(isEmpty, hosts.length);
  parts.groups.offer(hosts.map((host) => host.group));
  parts.labels.offer(labelsOf(hosts));
  parts.table.draw(list, live.at);
}

/** Where the page has news from. */
function listen(live, changed, typed) {
  const sources = [
    [live, 'change', changed],
    [window, 'resize', changed],
    [window, 'roundsman:theme', changed],
    [window, 'keydown', typed],
  ];
  for (const [source, name, heard] of sources) source.addEventListener(name, heard);
  return () => {
    for (const [source, name, heard] of sources) source.removeEventListener(name, heard);
  };
}

export function fleet(live) {
  const view = viewOf(location.search, Object.keys(COLOURS));
  let isWaiting = false;
  function update() {
    // Rows move when values come in: not while one is pressed.
    if (isWaiting || isPressed(update)) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      if (!element.isConnected || isPressed(update)) return;
      draw(parts, view, live);
    });
  }
  const parts = partsOf(view, () => {
    history.replaceState(null, '', at(searchOf(view)));
    update();
  });
  const { search, states, groups, labels } = parts;
  const element = h(
    'div',
    {},
    h('h1', { class: 'skip' }, 'Fleet'),
    h(
      'div',
      { class: 'card row' },
      states.element,
      h('div', { class: 'grow' }, search),
      groups.element,
      labels.element,
    ),
    parts.map.element,
    parts.table.element,
    parts.none.element,
  );
  // Typed anywhere a stroke begins a search, as in a terminal.
  const leave = listen(live, update, (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || isTyping()) return;
    event.preventDefault();
    search.focus();
  });
  update();
  return {
    element,
    leave: () => {
      leave();
      parts.map.leave();
    },
  };
}
