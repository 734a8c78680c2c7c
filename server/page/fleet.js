// All hosts: counts, heat map, table. The address holds filter, order and colour.

import { h, fill, marks, state, colour } from './dom.js';
import { length, micros, number, percent, rate, UNKNOWN } from './format.js';
import { heat } from './heat.js';
import { STATES } from './live.js';
import { at, hostAt } from './place.js';

/** On a phone a host has two lines, with what matters most. */
const NARROW = matchMedia('(max-width: 640px)');
/** How high a host's row is, as the style has it, px. */
const rowHeight = () => (NARROW.matches ? 52 : 32);
/** Rows drawn above and below what is seen. */
const SPARE = 6;

const COLOURS = {
  state: { label: 'State', paint: (host) => host.state },
  cpu: { label: 'CPU', paint: (host) => share(host.cpu_busy_pct) },
  memory: { label: 'Memory', paint: (host) => share(host.mem_used_pct) },
  disk: { label: 'Fullest filesystem', paint: (host) => share(host.fs_used_max_pct) },
  busy: { label: 'Busiest disk', paint: (host) => share(host.disk_busy_max_pct) },
  pressure: {
    label: 'Pressure',
    paint: (host) =>
      host.pressure_some_max_avg10_pct === null ? null : Math.min(1, host.pressure_some_max_avg10_pct / 40),
  },
};
const share = (percent) => (percent === null ? null : percent / 100);

/** Shares from which a bar is marked, and marked as too much; as `roundsman top` has them. */
const HIGH = 75;
const TOO_HIGH = 90;

const meter = (value) => {
  const cell = h(
    'td',
    {
      class: `${value === null ? 'num' : 'meter'} ${value >= TOO_HIGH ? 'hot' : value >= HIGH ? 'warm' : ''}`,
    },
    percent(value),
  );
  // Nothing is known: there is no bar, rather than an empty one.
  if (value !== null) cell.style.setProperty('--share', `${Math.min(100, value).toFixed(0)}%`);
  return cell;
};
const num = (words) => h('td', { class: 'num' }, words);

const worse = (value) => (value === null ? null : -value);
/** web-2 comes before web-10. */
const NATURAL = new Intl.Collator(undefined, { numeric: true });

const mean = (values) => {
  const known = values.filter((value) => value !== null);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
};
/**
 * `by` sorts, gravest or greatest first, and what is not known last whatever the direction; `numeric` ones are set to the right, `rising` ones are
 * in ascending order when nobody says otherwise, the others in descending order.
 */
const COLUMNS = [
  {
    key: 'state',
    rising: true,
    label: 'State',
    by: (host) => STATES.indexOf(host.state),
    cell: (host) => h('td', {}, state(host.state), marks(host)),
  },
  {
    key: 'name',
    rising: true,
    label: 'Host',
    by: (host) => host.name,
    cell: (host) => h('td', {}, h('a', { href: hostAt(host.name), 'data-link': true }, host.name)),
  },
  {
    key: 'group',
    rising: true,
    label: 'Group',
    by: (host) => host.group ?? '',
    cell: (host) => h('td', {}, host.group ?? UNKNOWN),
  },
  {
    key: 'since',
    rising: true,
    label: 'Since',
    numeric: true,
    by: (host) => -host.since_ms,
    cell: (host, now) => num(length(now - host.since_ms)),
  },
  {
    key: 'outcome',
    rising: true,
    label: 'Last poll',
    by: (host) => host.outcome ?? '',
    cell: (host) => h('td', { title: host.cause ?? host.error ?? '' }, host.outcome ?? UNKNOWN),
  },
  {
    key: 'cpu',
    label: 'CPU',
    numeric: true,
    by: (host) => worse(host.cpu_busy_pct),
    cell: (host) => meter(host.cpu_busy_pct),
  },
  {
    key: 'trail',
    label: 'CPU lately',
    by: (host) => worse(mean(host.trail)),
    cell: (host) => h('td', {}, spark(host.trail)),
  },
  {
    key: 'memory',
    label: 'Memory',
    numeric: true,
    by: (host) => worse(host.mem_used_pct),
    cell: (host) => meter(host.mem_used_pct),
  },
  {
    key: 'disk',
    label: 'Fullest fs',
    numeric: true,
    by: (host) => worse(host.fs_used_max_pct),
    cell: (host) => meter(host.fs_used_max_pct),
  },
  {
    key: 'pressure',
    label: 'Pressure',
    numeric: true,
    by: (host) => worse(host.pressure_some_max_avg10_pct),
    cell: (host) => num(percent(host.pressure_some_max_avg10_pct)),
  },
  {
    key: 'load',
    label: 'Load',
    numeric: true,
    by: (host) => worse(host.load_1),
    cell: (host) => num(number(host.load_1)),
  },
  {
    key: 'rx',
    label: 'In',
    numeric: true,
    by: (host) => worse(host.net_rx_bytes_per_s),
    cell: (host) => num(rate(host.net_rx_bytes_per_s)),
  },
  {
    key: 'tx',
    label: 'Out',
    numeric: true,
    by: (host) => worse(host.net_tx_bytes_per_s),
    cell: (host) => num(rate(host.net_tx_bytes_per_s)),
  },
  {
    key: 'call',
    label: 'Answer in',
    numeric: true,
    by: (host) => worse(host.call_us),
    cell: (host) => num(micros(host.call_us)),
  },
];
/** Columns whose cell stays while the host does: the focus may be in it. */
const STAYS = COLUMNS.findIndex((column) => column.key === 'name');
const SINCE = COLUMNS.findIndex((column) => column.key === 'since');

/** A host's cell; the style knows it by its column. */
function cellOf(column, host, now) {
  const cell = column.cell(host, now);
  cell.dataset.column = column.key;
  return cell;
}

/** A host's CPU over its last polls, 0 to 100 %; a poll that failed is a gap. */
function spark(values) {
  const canvas = h('canvas', {
    class: 'spark',
    width: 144,
    height: 36,
    role: 'img',
    'aria-label': `CPU over ${values.length} polls`,
  });
  const pen = canvas.getContext('2d');
  pen.strokeStyle = pen.fillStyle = colour('accent');
  pen.lineWidth = 2;
  const x = (position) => (position * 144) / Math.max(1, values.length - 1);
  const y = (value) => 35 - (value / 100) * 33;
  let begin = 0;
  for (let end = 0; end <= values.length; end += 1) {
    if (end < values.length && values[end] !== null) continue;
    if (end > begin) {
      pen.beginPath();
      // A value between two gaps is a short stroke.
      for (let at = begin; at < end; at += 1) pen.lineTo(x(at), y(values[at]));
      if (end - begin === 1) pen.lineTo(x(begin) + 3, y(values[begin]));
      pen.globalAlpha = 1;
      pen.stroke();
      pen.lineTo(x(end - 1), 36);
      pen.lineTo(x(begin), 36);
      pen.globalAlpha = 0.25;
      pen.fill();
    }
    begin = end + 1;
  }
  return canvas;
}

/** Whether a host is meant: words in its name, group or labels, `key=value` for a label. */
export function matches(host, words) {
  return words.every((word) => {
    const [key, value] = word.split('=', 2);
    if (value !== undefined) return key === 'group' ? host.group === value : host.labels[key] === value;
    const lower = word.toLowerCase();
    return (
      host.name.toLowerCase().includes(lower) ||
      (host.group ?? '').toLowerCase().includes(lower) ||
      Object.entries(host.labels).some(
        ([label, text]) => label.includes(lower) || text.toLowerCase().includes(lower),
      )
    );
  });
}

/** A choice of what is there; without anything to choose from it is not shown. */
function choice(name, all, chosen, choose) {
  const select = h('select', { 'aria-label': name, onchange: () => choose(select.value) });
  let before = null;
  return {
    element: select,
    /** What there is to choose from now; what is chosen stays, even when it is gone. */
    offer(words) {
      const options = [...new Set([...words, chosen()])].filter(Boolean).sort(NATURAL.compare);
      const said = JSON.stringify([options, chosen()]);
      if (said === before) return;
      before = said;
      select.hidden = options.length === 0;
      fill(select, [
        h('option', { value: '' }, all),
        ...options.map((word) => h('option', { value: word, selected: word === chosen() }, word)),
      ]);
    },
  };
}

/** Labels that are offered for choice at most; any can be typed. */
const OFFERED = 300;

export function fleet(live) {
  const asked = new URLSearchParams(location.search);
  const view = {
    q: asked.get('q') ?? '',
    group: asked.get('group') ?? '',
    label: asked.get('label') ?? '',
    state: asked.get('state') ?? '',
    sort: asked.get('sort') ?? 'state',
    dir: asked.get('dir'),
    by: COLOURS[asked.get('colour')] ? asked.get('colour') : 'state',
  };
  /** The column that the table is in the order of, and in which direction. */
  const sorted = () => COLUMNS.find((one) => one.key === view.sort && one.by) ?? COLUMNS[0];
  const usual = (column) => (column.rising ? 'asc' : 'desc');
  const opposite = (column) => (column.rising ? 'desc' : 'asc');
  const direction = () => (['asc', 'desc'].includes(view.dir) ? view.dir : usual(sorted()));
  const chips = h('div', { class: 'row', role: 'group', 'aria-label': 'Filter by state' });
  const search = h('input', {
    type: 'search',
    value: view.q,
    placeholder: 'Name, group, label, or rack=a1',
    'aria-label': 'Filter hosts',
    oninput: () => {
      view.q = search.value;
      update(true);
    },
  });
  const groups = choice(
    'Group',
    'all groups',
    () => view.group,
    (value) => {
      view.group = value;
      update(true);
    },
  );
  const labels = choice(
    'Label',
    'all labels',
    () => view.label,
    (value) => {
      view.label = value;
      update(true);
    },
  );
  const by = h(
    'select',
    {
      'aria-label': 'Colour of the heat map',
      onchange: () => {
        view.by = by.value;
        update(true);
      },
    },
    Object.entries(COLOURS).map(([key, { label }]) =>
      h('option', { value: key, selected: key === view.by }, label),
    ),
  );
  const map = heat({
    paint: (host) => COLOURS[view.by].paint(host),
    words: (host) =>
      `${host.name}: ${host.state}${(host.cause ?? host.error) ? `, ${host.cause ?? host.error}` : ''}\nCPU ${percent(host.cpu_busy_pct)}, memory ${percent(host.mem_used_pct)}, fullest fs ${percent(host.fs_used_max_pct)}`,
    open: (host) => dispatchEvent(new CustomEvent('roundsman:go', { detail: hostAt(host.name) })),
  });
  const head = h(
    'tr',
    {},
    COLUMNS.map((column) =>
      h(
        'th',
        { scope: 'col', 'data-column': column.key, class: column.numeric ? 'num' : '' },
        column.by
          ? h(
              'button',
              {
                type: 'button',
                onclick: () => {
                  view.dir =
                    view.sort === column.key && direction() === usual(column) ? opposite(column) : null;
                  view.sort = column.key;
                  update(true);
                },
              },
              column.label,
            )
          : column.label,
      ),
    ),
  );
  const body = h('tbody');
  // Rows that are not drawn have their room above and below.
  const [before, after] = [h('tr'), h('tr')];
  const scroll = h(
    'div',
    { class: 'scroll fleet', tabIndex: 0, role: 'region', 'aria-label': 'Hosts', onscroll: () => scrolled() },
    h(
      'table',
      {},
      h('thead', {}, head),
      h('tbody', { 'aria-hidden': 'true' }, before),
      body,
      h('tbody', { 'aria-hidden': 'true' }, after),
    ),
  );
  const shown = h('span', { class: 'soft', role: 'status' });
  const key = h('span', { class: 'row key', 'aria-hidden': 'true' });
  const none = h('div', { class: 'none', hidden: true });
  const nothing = h('p', {});
  const clear = h(
    'button',
    {
      type: 'button',
      onclick: () => {
        Object.assign(view, { q: '', group: '', label: '', state: '' });
        search.value = '';
        update(true);
        search.focus();
      },
    },
    'Clear the filter',
  );
  fill(none, nothing, clear);
  const element = h(
    'div',
    {},
    h('h1', { class: 'skip' }, 'Fleet'),
    h(
      'div',
      { class: 'card row' },
      chips,
      h('div', { class: 'grow' }, search),
      groups.element,
      labels.element,
    ),
    h(
      'div',
      { class: 'card' },
      h('div', { class: 'row over-map' }, shown, key, h('label', { class: 'soft' }, 'Colour ', by)),
      map.element,
    ),
    scroll,
    none,
  );

  /** What the colours of the heat map mean. */
  function explain() {
    if (key.dataset.by === view.by) return;
    key.dataset.by = view.by;
    fill(
      key,
      view.by === 'state'
        ? []
        : [
            h('span', {}, '0 %'),
            h('span', { class: 'ramp' }),
            h('span', {}, view.by === 'pressure' ? '40 % and more' : '100 %'),
            h('span', { class: 'dot unknown' }),
            h('span', {}, 'unknown'),
          ],
    );
  }

  // Typed anywhere a stroke begins a search, as in a terminal.
  const typed = (event) => {
    if (
      event.key !== '/' ||
      event.ctrlKey ||
      event.metaKey ||
      /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName)
    )
      return;
    event.preventDefault();
    search.focus();
  };
  addEventListener('keydown', typed);

  // The whole row leads to its host; what is marked to be copied does not.
  body.addEventListener('click', (event) => {
    const link = event.target.closest('tr')?.querySelector('a');
    if (
      !link ||
      event.target.closest('a') ||
      event.ctrlKey ||
      event.metaKey ||
      event.shiftKey ||
      getSelection().toString()
    )
      return;
    link.click();
  });

  // From a host's link the arrows go to the next one, drawn or not.
  const steps = { ArrowUp: () => -1, ArrowDown: () => 1, Home: () => -list.length, End: () => list.length };
  body.addEventListener('keydown', (event) => {
    const at = list.findIndex((host) => host.name === event.target.textContent);
    if (!steps[event.key] || event.target.tagName !== 'A' || at < 0) return;
    event.preventDefault();
    const to = Math.min(list.length - 1, Math.max(0, at + steps[event.key]()));
    // The titles stand over the first row.
    const high = rowHeight();
    if (to * high < scroll.scrollTop) scroll.scrollTop = to * high;
    if ((to + 3) * high > scroll.scrollTop + scroll.clientHeight)
      scroll.scrollTop = (to + 3) * high - scroll.clientHeight;
    rows();
    drawn.get(list[to].name)?.row.querySelector('a').focus({ preventScroll: true });
  });

  let list = [];
  function select() {
    const words = view.q.split(/\s+/).filter(Boolean);
    const [label, value] = [
      view.label.slice(0, view.label.indexOf('=')),
      view.label.slice(view.label.indexOf('=') + 1),
    ];
    const column = sorted();
    const sign = direction() === usual(column) ? 1 : -1;
    list = [...live.hosts.values()].filter(
      (host) =>
        (!view.state || host.state === view.state) &&
        (!view.group || host.group === view.group) &&
        (!label || host.labels[label] === value) &&
        matches(host, words),
    );
    const keyed = list.map((host) => [column.by(host), host]);
    const order = (a, b) => {
      if (a === null || b === null) return (a === null) - (b === null);
      return sign * (typeof a === 'string' ? NATURAL.compare(a, b) : a - b);
    };
    keyed.sort(([a, one], [b, other]) => order(a, b) || NATURAL.compare(one.name, other.name));
    list = keyed.map(([, host]) => host);
  }

  /** Rows that are drawn, by host. */
  let drawn = new Map();
  const shade = (host) => (host.state === 'up' || host.state === 'degraded' ? '' : 'stale');
  function rowOf(host, now) {
    const known = drawn.get(host.name);
    if (!known)
      return {
        host,
        row: h(
          'tr',
          { class: shade(host) },
          COLUMNS.map((column) => cellOf(column, host, now)),
        ),
      };
    COLUMNS.forEach((column, position) => {
      if (position === SINCE || (known.host !== host && position !== STAYS))
        known.row.children[position].replaceWith(cellOf(column, host, now));
    });
    known.row.className = shade(host);
    known.host = host;
    return known;
  }

  function rows() {
    const high = rowHeight();
    const first = Math.max(0, Math.floor(scroll.scrollTop / high) - SPARE);
    // By the window: the table has no height of its own before it has rows.
    const last = Math.min(list.length, Math.ceil((scroll.scrollTop + innerHeight) / high) + SPARE);
    const now = live.at;
    drawn = new Map(list.slice(first, last).map((host) => [host.name, rowOf(host, now)]));
    before.style.height = `${first * high}px`;
    const settle = () => {
      after.style.height = `${(list.length - last) * high}px`;
    };
    const wanted = [...drawn.values()].map(({ row }) => row);
    // Rows that are in their places already are not touched, for the focus may be in one.
    if (
      wanted.length === body.children.length &&
      wanted.every((row, position) => row === body.children[position])
    )
      return settle();
    const focused = body.contains(document.activeElement) ? document.activeElement : null;
    // While the rows are away the list stays as high: it would be scrolled to where it still has something.
    after.style.height = `${list.length * high}px`;
    fill(body, wanted);
    settle();
    if (focused?.isConnected) focused.focus({ preventScroll: true });
  }

  function chipRow() {
    const total = Object.values(live.counts).reduce((sum, count) => sum + count, 0);
    const chip = (word, count) =>
      h(
        'button',
        {
          type: 'button',
          class: 'chip',
          'aria-pressed': String(view.state === word),
          onclick: () => {
            view.state = view.state === word ? '' : word;
            update(true);
          },
        },
        word ? state(word) : 'all',
        h('b', {}, count),
      );
    const focused = [...chips.children].indexOf(document.activeElement);
    fill(
      chips,
      chip('', total),
      STATES.filter((word) => live.counts[word] || ['up', 'down'].includes(word)).map((word) =>
        chip(word, live.counts[word] ?? 0),
      ),
    );
    chips.children[focused]?.focus();
  }

  function address() {
    const said = new URLSearchParams();
    if (view.q) said.set('q', view.q);
    if (view.group) said.set('group', view.group);
    if (view.label) said.set('label', view.label);
    if (view.state) said.set('state', view.state);
    if (view.sort !== 'state') said.set('sort', view.sort);
    if (direction() !== usual(sorted())) said.set('dir', direction());
    if (view.by !== 'state') said.set('colour', view.by);
    history.replaceState(null, '', at(said.size ? `?${said}` : ''));
  }

  let rolling = false;
  function scrolled() {
    if (rolling) return;
    rolling = true;
    requestAnimationFrame(() => {
      rolling = false;
      rows();
    });
  }

  let waiting = false;
  function update(asked) {
    if (asked) address();
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      if (!element.isConnected) return;
      select();
      chipRow();
      COLUMNS.forEach((column, position) =>
        head.children[position].setAttribute(
          'aria-sort',
          column.key === view.sort ? (direction() === 'asc' ? 'ascending' : 'descending') : 'none',
        ),
      );
      const counted = STATES.filter((word) => live.counts[word])
        .map((word) => `${live.counts[word]} ${word}`)
        .join(', ');
      map.draw(list, `Heat map of ${list.length} hosts by ${COLOURS[view.by].label}: ${counted}`);
      shown.textContent = live.at ? `${list.length} of ${live.hosts.size} hosts` : 'waiting for the server';
      scroll.hidden = live.at !== 0 && list.length === 0;
      none.hidden = !scroll.hidden;
      clear.hidden = live.hosts.size === 0;
      nothing.textContent = live.hosts.size
        ? 'No host is like that.'
        : 'There are no hosts yet: the inventory names none, or is not in force.';
      explain();
      groups.offer([...live.hosts.values()].map((host) => host.group));
      labels.offer(
        [
          ...new Set(
            [...live.hosts.values()].flatMap((host) =>
              Object.entries(host.labels).map((pair) => pair.join('=')),
            ),
          ),
        ].slice(0, OFFERED),
      );
      rows();
    });
  }
  const changed = () => update(false);
  live.addEventListener('change', changed);
  addEventListener('resize', changed);
  addEventListener('roundsman:theme', changed);
  update(false);
  return {
    element,
    leave: () => {
      live.removeEventListener('change', changed);
      removeEventListener('resize', changed);
      removeEventListener('roundsman:theme', changed);
      removeEventListener('keydown', typed);
      map.leave();
    },
  };
}
