// All hosts: counts, heat map, table. The address holds filter, order and colour.

import { h, fill, marks, state, colour } from './dom.js';
import { length, micros, number, percent, rate, UNKNOWN } from './format.js';
import { heat } from './heat.js';
import { STATES } from './live.js';

const ROW = 32;
/** Rows drawn above and below what is seen. */
const SPARE = 6;

const COLOURS = {
  state: { label: 'State', paint: (host) => host.state },
  cpu: { label: 'CPU', paint: (host) => share(host.cpu_busy_pct) },
  memory: { label: 'Memory', paint: (host) => share(host.mem_used_pct) },
  disk: { label: 'Fullest filesystem', paint: (host) => share(host.fs_used_max_pct) },
  busy: { label: 'Busiest disk', paint: (host) => share(host.disk_busy_max_pct) },
  pressure: { label: 'Pressure', paint: (host) => (host.pressure_some_max_avg10_pct === null ? null : Math.min(1, host.pressure_some_max_avg10_pct / 40)) },
};
const share = (percent) => (percent === null ? null : percent / 100);

const meter = (value) => {
  const cell = h('td', { class: 'meter' }, percent(value));
  if (value !== null) cell.style.setProperty('--share', `${Math.min(100, value).toFixed(0)}%`);
  return cell;
};
const num = (words) => h('td', { class: 'num' }, words);

const worse = (value) => -(value ?? -1);
/** `by` sorts, gravest or greatest first; `numeric` ones are set to the right. */
const COLUMNS = [
  { key: 'state', label: 'State', by: (host) => STATES.indexOf(host.state), cell: (host) => h('td', {}, state(host.state), marks(host)) },
  { key: 'name', label: 'Host', by: (host) => host.name, cell: (host) => h('td', {}, h('a', { href: `/hosts/${encodeURIComponent(host.name)}`, 'data-link': true }, host.name)) },
  { key: 'group', label: 'Group', by: (host) => host.group ?? '', cell: (host) => h('td', {}, host.group ?? UNKNOWN) },
  { key: 'since', label: 'Since', numeric: true, by: (host) => -host.since_ms, cell: (host, now) => num(length(now - host.since_ms)) },
  { key: 'cpu', label: 'CPU', numeric: true, by: (host) => worse(host.cpu_busy_pct), cell: (host) => meter(host.cpu_busy_pct) },
  { key: 'trail', label: 'CPU seen', cell: (host) => h('td', {}, spark(host.trail)) },
  { key: 'memory', label: 'Memory', numeric: true, by: (host) => worse(host.mem_used_pct), cell: (host) => meter(host.mem_used_pct) },
  { key: 'disk', label: 'Fullest fs', numeric: true, by: (host) => worse(host.fs_used_max_pct), cell: (host) => meter(host.fs_used_max_pct) },
  { key: 'pressure', label: 'Pressure', numeric: true, by: (host) => worse(host.pressure_some_max_avg10_pct), cell: (host) => num(percent(host.pressure_some_max_avg10_pct)) },
  { key: 'load', label: 'Load', numeric: true, by: (host) => worse(host.load_1), cell: (host) => num(number(host.load_1)) },
  { key: 'rx', label: 'In', numeric: true, by: (host) => worse(host.net_rx_bytes_per_s), cell: (host) => num(rate(host.net_rx_bytes_per_s)) },
  { key: 'tx', label: 'Out', numeric: true, by: (host) => worse(host.net_tx_bytes_per_s), cell: (host) => num(rate(host.net_tx_bytes_per_s)) },
  { key: 'call', label: 'Answer in', numeric: true, by: (host) => worse(host.call_us), cell: (host) => num(micros(host.call_us)) },
  { key: 'outcome', label: 'Last poll', by: (host) => host.outcome ?? '', cell: (host) => h('td', { title: host.error ?? '' }, host.outcome ?? UNKNOWN) },
];
/** Columns whose cell stays while the host does: the focus may be in it. */
const STAYS = COLUMNS.findIndex((column) => column.key === 'name');
const SINCE = COLUMNS.findIndex((column) => column.key === 'since');

/** A host's CPU since this page was opened, 0 to 100 %. */
function spark(values) {
  const canvas = h('canvas', { class: 'spark', width: 144, height: 36, role: 'img', 'aria-label': `CPU, ${values.length} polls` });
  if (values.length < 2) return canvas;
  const pen = canvas.getContext('2d');
  pen.strokeStyle = pen.fillStyle = colour('accent');
  pen.lineWidth = 2;
  pen.beginPath();
  values.forEach((value, position) => pen.lineTo((position * 144) / (values.length - 1), 35 - (value / 100) * 33));
  pen.stroke();
  pen.lineTo(144, 36);
  pen.lineTo(0, 36);
  pen.globalAlpha = 0.25;
  pen.fill();
  return canvas;
}

/** Whether a host is meant: words in its name, group or labels, `key=value` for a label. */
export function matches(host, words) {
  return words.every((word) => {
    const [key, value] = word.split('=', 2);
    if (value !== undefined) return key === 'group' ? host.group === value : host.labels[key] === value;
    const lower = word.toLowerCase();
    return host.name.toLowerCase().includes(lower) || (host.group ?? '').toLowerCase().includes(lower)
      || Object.entries(host.labels).some(([label, text]) => label.includes(lower) || text.toLowerCase().includes(lower));
  });
}

export function fleet(live) {
  const asked = new URLSearchParams(location.search);
  const view = { q: asked.get('q') ?? '', state: asked.get('state') ?? '', sort: asked.get('sort') ?? 'state', down: asked.get('dir') === 'desc', by: COLOURS[asked.get('colour')] ? asked.get('colour') : 'state' };
  const chips = h('div', { class: 'row', role: 'group', 'aria-label': 'Filter by state' });
  const search = h('input', { type: 'search', value: view.q, placeholder: 'Name, group, label, or rack=a1', 'aria-label': 'Filter hosts', oninput: () => { view.q = search.value; update(true); } });
  const by = h('select', { 'aria-label': 'Colour of the heat map', onchange: () => { view.by = by.value; update(true); } }, Object.entries(COLOURS).map(([key, { label }]) => h('option', { value: key, selected: key === view.by }, label)));
  const map = heat({
    paint: (host) => COLOURS[view.by].paint(host),
    words: (host) => `${host.name}: ${host.state}${host.error ? `, ${host.error}` : ''}\nCPU ${percent(host.cpu_busy_pct)}, memory ${percent(host.mem_used_pct)}, fullest fs ${percent(host.fs_used_max_pct)}`,
    open: (host) => dispatchEvent(new CustomEvent('roundsman:go', { detail: `/hosts/${encodeURIComponent(host.name)}` })),
  });
  const head = h('tr', {}, COLUMNS.map((column) => h('th', { scope: 'col', class: column.numeric ? 'num' : '' }, column.by
    ? h('button', { type: 'button', onclick: () => { view.down = view.sort === column.key && !view.down; view.sort = column.key; update(true); } }, column.label)
    : column.label)));
  const body = h('tbody');
  // Rows that are not drawn have their room above and below.
  const [before, after] = [h('tr'), h('tr')];
  const scroll = h('div', { class: 'scroll', tabIndex: 0, role: 'region', 'aria-label': 'Hosts', onscroll: () => scrolled() }, h('table', {}, h('thead', {}, head), h('tbody', { 'aria-hidden': 'true' }, before), body, h('tbody', { 'aria-hidden': 'true' }, after)));
  const shown = h('span', { class: 'soft', role: 'status' });
  const element = h('div', {},
    h('h1', { class: 'skip' }, 'Fleet'),
    h('div', { class: 'card' }, h('div', { class: 'row' }, chips, h('div', { class: 'grow' }, search), h('label', { class: 'soft' }, 'Colour ', by))),
    h('div', { class: 'card' }, map.element),
    h('div', { class: 'row' }, shown), scroll);

  let list = [];
  function select() {
    const words = view.q.split(/\s+/).filter(Boolean);
    const column = COLUMNS.find((one) => one.key === view.sort && one.by) ?? COLUMNS[0];
    const sign = view.down ? -1 : 1;
    list = [...live.hosts.values()].filter((host) => (!view.state || host.state === view.state) && matches(host, words));
    const keyed = list.map((host) => [column.by(host), host]);
    keyed.sort(([a, one], [b, other]) => (a < b ? -sign : a > b ? sign : one.name.localeCompare(other.name, undefined, { numeric: true })));
    list = keyed.map(([, host]) => host);
  }

  /** Rows that are drawn, by host. */
  let drawn = new Map();
  const shade = (host) => (host.state === 'up' || host.state === 'degraded' ? '' : 'stale');
  function rowOf(host, now) {
    const known = drawn.get(host.name);
    if (!known) return { host, row: h('tr', { class: shade(host) }, COLUMNS.map((column) => column.cell(host, now))) };
    COLUMNS.forEach((column, position) => {
      if (position === SINCE || (known.host !== host && position !== STAYS)) known.row.children[position].replaceWith(column.cell(host, now));
    });
    known.row.className = shade(host);
    known.host = host;
    return known;
  }

  function rows() {
    const first = Math.max(0, Math.floor(scroll.scrollTop / ROW) - SPARE);
    const last = Math.min(list.length, Math.ceil((scroll.scrollTop + (scroll.clientHeight || 600)) / ROW) + SPARE);
    const now = live.at;
    drawn = new Map(list.slice(first, last).map((host) => [host.name, rowOf(host, now)]));
    before.style.height = `${first * ROW}px`;
    after.style.height = `${(list.length - last) * ROW}px`;
    const wanted = [...drawn.values()].map(({ row }) => row);
    // Rows that are in their places already are not touched, for the focus may be in one.
    if (wanted.length === body.children.length && wanted.every((row, position) => row === body.children[position])) return;
    const focused = body.contains(document.activeElement) ? document.activeElement : null;
    fill(body, wanted);
    if (focused?.isConnected) focused.focus({ preventScroll: true });
  }

  function chipRow() {
    const total = Object.values(live.counts).reduce((sum, count) => sum + count, 0);
    const chip = (word, count) => h('button', { type: 'button', class: 'chip', 'aria-pressed': String(view.state === word), onclick: () => { view.state = view.state === word ? '' : word; update(true); } },
      word ? state(word) : 'all', h('b', {}, count));
    const focused = [...chips.children].indexOf(document.activeElement);
    fill(chips, chip('', total), STATES.filter((word) => live.counts[word] || ['up', 'down'].includes(word)).map((word) => chip(word, live.counts[word] ?? 0)));
    chips.children[focused]?.focus();
  }

  function address() {
    const said = new URLSearchParams();
    if (view.q) said.set('q', view.q);
    if (view.state) said.set('state', view.state);
    if (view.sort !== 'state') said.set('sort', view.sort);
    if (view.down) said.set('dir', 'desc');
    if (view.by !== 'state') said.set('colour', view.by);
    history.replaceState(null, '', said.size ? `/?${said}` : '/');
  }

  let rolling = false;
  function scrolled() {
    if (rolling) return;
    rolling = true;
    requestAnimationFrame(() => { rolling = false; rows(); });
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
      COLUMNS.forEach((column, position) => head.children[position].setAttribute('aria-sort', column.key === view.sort ? (view.down ? 'descending' : 'ascending') : 'none'));
      const counted = STATES.filter((word) => live.counts[word]).map((word) => `${live.counts[word]} ${word}`).join(', ');
      map.draw(list, `Heat map of ${list.length} hosts by ${COLOURS[view.by].label}: ${counted}`);
      shown.textContent = live.at ? `${list.length} of ${live.hosts.size} hosts` : 'waiting for the server';
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
      map.leave();
    },
  };
}
