// The map with what its colours tell: the state of hosts, or a value.

import { alarmWords, glyph, h, fill, stateWords } from './dom.js';
import { bytes, percent } from './format.js';
import { heat } from './heat.js';
import { t, term, tn } from './i18n.js';
import { cellSize, cellSizes } from './look.js';
import { hostAt } from './place.js';
import { isFresh } from './sums.js';
import { causeOf } from './words.js';
import { inWords } from './sentences.js';

/** Pressure that has the most alarming colour, %. */
const PRESSED = 40;

const part =
  (value, whole = 100) =>
  (host) => {
    const known = isFresh(host) ? value(host) : null;
    return known === null ? null : Math.min(1, known / whole);
  };
/** What the map tells; `most` is what its last colour stands for. */
export const COLOURS = {
  state: { label: t('State'), share: (host) => host.state },
  cpu: { label: 'CPU', most: '100 %', share: part((host) => host.cpu_busy_pct) },
  memory: { label: t('Memory'), most: '100 %', share: part((host) => host.mem_used_pct) },
  disk: { label: t('Disk'), most: '100 %', share: part((host) => host.fs_used_max_pct) },
  busy: { label: t('Disk busy'), most: '100 %', share: part((host) => host.disk_busy_max_pct) },
  pressure: {
    label: t('Pressure'),
    most: `${PRESSED} %`,
    share: part((host) => host.pressure_some_max_avg10_pct, PRESSED),
  },
};

/** What cells are as large as, and what it is of a host in words; a map of no name has cells that are alike. */
const SIZES = {
  '': { label: t('Equal cells') },
  cores: {
    label: t('Cells by cores'),
    weigh: (host) => host.cpus_online,
    words: (host) => (host.cpus_online ? tn(host.cpus_online, '{n} core', '{n} cores') : t('cores unknown')),
  },
  memory: {
    label: t('Cells by memory'),
    weigh: (host) => host.mem_total_bytes,
    words: (host) =>
      host.mem_total_bytes
        ? t('{size} of memory', { size: bytes(host.mem_total_bytes) })
        : t('memory unknown'),
  },
};

/** What is said of the host that is pointed at. */
function wordsOf(host) {
  const cause = inWords(causeOf(host));
  const head = `${host.name}${t(': ')}${[term('state', host.state), cause].filter(Boolean).join(t(', '))}`;
  const values = t('CPU {cpu}, memory {memory}, disk {disk}', {
    cpu: percent(host.cpu_busy_pct),
    memory: percent(host.mem_used_pct),
    disk: percent(host.fs_used_max_pct),
  });
  const size = SIZES[cellSize()].words?.(host);
  const all = [head, values, size].filter(Boolean).join('\n');
  if (!host.alarms_firing) return all;
  const severity = term('severity', host.alarm_severity);
  const firing = t('{alerts}, the worst {severity}', { alerts: alarmWords(host.alarms_firing), severity });
  return `${all}\n${firing}`;
}

/** What the colours mean. */
function keyOf(by) {
  const { most } = COLOURS[by];
  const named = (mark, words) => h('span', {}, mark, words);
  const swatch = (name) => h('i', { class: `sw ${name}` });
  if (!most) {
    const states = ['degraded', 'suspect', 'down'].map((state) => named(glyph(state), stateWords(state)));
    return [named(swatch('calm'), stateWords('up')), ...states];
  }
  const ramp = h('span', { class: 'ramp' }, ['h0', 'h1', 'h2', 'h3', 'h4', 'high', 'top'].map(swatch));
  return [named(['0 % ', ramp], ` ${most}`), named(swatch('unknown'), t('Unknown'))];
}

/** The map of a view; `changed` is called when other colours were chosen. */
export function map(view, changed) {
  const press = (by) => () => {
    view.by = by;
    changed();
  };
  const buttons = Object.entries(COLOURS).map(([by, { label }]) => {
    const button = h('button', { type: 'button', 'data-by': by, onclick: press(by) }, label);
    return button;
  });
  const segment = h('div', { class: 'seg sm', role: 'group', 'aria-label': t('Colour of the map') }, buttons);
  const options = cellSizes.map((size) => h('option', { value: size }, SIZES[size].label));
  const sized = h('select', { 'aria-label': t('Size of cells') }, options);
  sized.value = cellSize();
  sized.addEventListener('change', () => {
    cellSize(sized.value);
    changed();
  });
  let silenced = new Set();
  let meant = null;
  const cells = heat({
    look: (host) => ({
      share: COLOURS[view.by].share(host),
      isSilenced: silenced.has(host.name),
      isDim: meant !== null && !meant.has(host),
    }),
    words: wordsOf,
    open(host, isApart) {
      if (isApart) open(hostAt(host.name), '_blank', 'noopener');
      else dispatchEvent(new CustomEvent('roundsman:go', { detail: hostAt(host.name) }));
    },
  });
  const shown = h('span', { class: 'm' });
  const key = h('div', { class: 'key' });
  const head = h('header', {}, h('h2', {}, t('Map')), shown, h('span', { class: 'sp' }), segment);
  const foot = h('div', { class: 'row below' }, key, h('span', { class: 'sp' }), sized);
  const inside = h('div', { class: 'pad' }, cells.element, foot);
  return {
    element: h('section', { class: 'card map-card', 'aria-label': t('Map') }, head, inside),
    leave: cells.leave,
    draw(list, live, quiet) {
      silenced = quiet;
      for (const button of buttons)
        button.setAttribute('aria-pressed', String(button.dataset.by === view.by));
      if (key.dataset.by !== view.by) fill(key, keyOf(view.by));
      key.dataset.by = view.by;
      meant = list.length === live.hosts.size ? null : new Set(list);
      cells.draw([...live.hosts.values()], COLOURS[view.by].label, SIZES[cellSize()].weigh);
      const words =
        list.length === live.hosts.size ? '' : t('{n} of {all}', { n: list.length, all: live.hosts.size });
      if (shown.textContent !== words) shown.textContent = words;
    },
  };
}
