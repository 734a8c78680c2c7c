// The tiles of a host: what it is like now, each the way to its graph.

import { h, icon, renew } from './dom.js';
import { bytes, length, micros, percent, rate, shortMoment, UNKNOWN } from './format.js';
import { together, withU } from './figures.js';
import { graphOf } from './graphs.js';
import { t } from './i18n.js';
import { trace } from './trace.js';

const isKnown = (value) => value !== null && value !== undefined;
const most = (...values) => {
  const known = values.filter(isKnown);
  return known.length ? Math.max(...known) : null;
};
const pressures = (value) => ({
  CPU: value('pressure_cpu_some_pct'),
  [t('memory')]: value('pressure_memory_some_pct'),
  'I/O': value('pressure_io_some_pct'),
});

/** The fullest filesystem of a poll, and when it is full. */
function fullest({ detail }, full) {
  const all = (detail?.filesystem ?? []).filter(({ used_pct: used }) => isKnown(used));
  if (all.length === 0) return null;
  const one = all.reduce((a, b) => (b.used_pct > a.used_pct ? b : a));
  const words = full(one.mount_point);
  const left = isKnown(one.available_bytes) ? t('{size} left', { size: bytes(one.available_bytes) }) : '';
  return `${one.mount_point} · ${/^\d/.test(words) ? t('full in {time}', { time: words }) : left}`;
}

/** The name and the value of the greatest. */
function greatest(all) {
  const known = Object.entries(all).filter(([, value]) => isKnown(value));
  return known.length ? known.reduce((a, b) => (b[1] > a[1] ? b : a)) : [null, null];
}

/**
 * Each: its graph, its icon and name, `figure` and `second` line of the last poll, and the columns of its little chart,
 * of which the greatest counts.
 */
const TILES = [
  {
    key: 'cpu',
    sign: 'cpu',
    name: 'CPU',
    whole: 100,
    columns: ['cpu_user_pct', 'cpu_system_pct', 'cpu_irq_pct', 'cpu_softirq_pct', 'cpu_nice_pct'],
    isSum: true,
    figure: ({ value }) => percent(value('cpu_busy_pct')),
    second: ({ value }) =>
      `${t('user')} ${percent(value('cpu_user_pct'))} · ${t('iowait')} ${percent(value('cpu_iowait_pct'))}`,
  },
  {
    key: 'memory',
    sign: 'memory',
    name: t('Memory'),
    whole: 100,
    columns: ['mem_used_pct'],
    figure: ({ value }) => percent(value('mem_used_pct')),
    second({ value }) {
      const [total, available] = [value('mem_total_bytes'), value('mem_available_bytes')];
      if (!isKnown(total) || !isKnown(available)) return UNKNOWN;
      const { numbers, unit } = together([total, total - available]);
      return t('{used} of {total} {unit}', { used: numbers[1], total: numbers[0], unit });
    },
  },
  {
    key: 'pressure',
    sign: 'gauge',
    name: t('Pressure'),
    columns: ['pressure_cpu_some_pct', 'pressure_memory_some_pct', 'pressure_io_some_pct'],
    figure: ({ value }) => percent(most(...Object.values(pressures(value)))),
    second({ value }) {
      const [worst] = greatest(pressures(value));
      if (!worst) return t('not known');
      const rest = Object.entries(pressures(value)).filter(([name, one]) => name !== worst && isKnown(one));
      const [next, second] = greatest(Object.fromEntries(rest));
      return next ? `${worst} · ${next} ${percent(second)}` : worst;
    },
  },
  {
    key: 'space',
    sign: 'disk',
    name: t('Fullest disk'),
    whole: 100,
    columns: ['fs_used_max_pct'],
    figure: ({ value }) => percent(value('fs_used_max_pct')),
    second: ({ last, full }) => (last && fullest(last, full)) ?? UNKNOWN,
  },
  {
    key: 'network',
    sign: 'net',
    name: t('Network'),
    columns: ['net_rx_bytes_per_s', 'net_tx_bytes_per_s'],
    figure: ({ value }) => `${bytes(most(value('net_rx_bytes_per_s'), value('net_tx_bytes_per_s')))}/s`,
    second({ value }) {
      const [rx, tx] = [value('net_rx_bytes_per_s'), value('net_tx_bytes_per_s')];
      if (!isKnown(rx) || !isKnown(tx)) return UNKNOWN;
      return rx > tx ? t('in · out {rate}', { rate: rate(tx) }) : t('out · in {rate}', { rate: rate(rx) });
    },
  },
];

/** The share of polls that brought values, and how many did not. */
function polls(fails) {
  const [all, failed] = [fails.polls, fails.failed].map((each) => each.reduce((sum, one) => sum + one, 0));
  if (all === 0) return { figure: UNKNOWN, words: t('no polls in this period') };
  const share = (100 * (all - failed)) / all;
  const figure = `${failed === 0 ? '100' : share.toFixed(1)} %`;
  return {
    figure,
    words: failed ? t('{failed} of {polls} failed', { failed, polls: all }) : t('{n} of {n} ok', { n: all }),
  };
}

/** A tile with its place for everything; `open` is called when it is chosen. */
function tile({ key, sign, name }, open) {
  const figure = h('span', { class: 'fig' });
  const second = h('span', { class: 'sub' });
  const place = h('span', { class: 'tspark' });
  const label = h('span', { class: 'lab' }, icon(sign, 's'), h('span', {}, name));
  const element = h(
    'button',
    { type: 'button', class: 'card tile', onclick: () => open(key) },
    label,
    figure,
    place,
    second,
  );
  return {
    element,
    label: label.lastChild,
    show(words, more) {
      renew(figure, ...(words.startsWith(UNKNOWN) ? [UNKNOWN] : withU(words)));
      renew(second, more);
      second.title = more;
    },
    draw(values, whole, look) {
      renew(place, trace(values, whole, look));
    },
    look(severity) {
      element.classList.toggle('warn', severity === 'warning');
      element.classList.toggle('loud', severity === 'critical');
    },
  };
}

/** What an alarm is about: a graph, also that of a row. */
function keyOf({ column, row, when }) {
  if (column) return graphOf(column)?.key;
  return row && /used_pct|full_in/.test(when ?? '') ? 'space' : undefined;
}

/** The tiles; `open(key)` is called with the graph of the chosen one, `full(mount)` says when a mount is full. */
export function tiles(open, full) {
  const all = TILES.map((spec) => ({ spec, one: tile(spec, open) }));
  const attempts = tile({ key: 'latency', sign: 'poll', name: t('Polls') }, open);
  const shown = { host: null, fails: null };
  const element = h('div', { class: 'tiles' }, [...all.map(({ one }) => one.element), attempts.element]);

  function showPolls() {
    if (!shown.fails) return;
    const { figure, words } = polls(shown.fails);
    const took = shown.host?.last?.call_us;
    attempts.show(figure, isKnown(took) ? `${words} · ${micros(took)}` : words);
  }
  return {
    element,
    /** Shows the values of now, or since when there are none. */
    show(host, value) {
      shown.host = host;
      const isAway = value('cpu_busy_pct') === undefined;
      const since = host.last_good_at_ms
        ? t('no answer since {time}', { time: shortMoment(host.last_good_at_ms) })
        : t('never answered');
      for (const { spec, one } of all) {
        const from = { value: (column) => value(column) ?? null, last: host.last, full };
        if (isAway) one.show(UNKNOWN, since);
        else one.show(spec.figure(from), spec.second(from));
      }
      showPolls();
    },
    /** Draws the little charts of what came of a span. */
    draw({ series, fails, gaps, seconds }, words) {
      shown.fails = fails;
      attempts.label.textContent = t('Polls, {span}', { span: words });
      const values = (columns, isSum) =>
        seconds.map((_, point) => {
          const now = columns.map((column) => series.get(column)?.[point]);
          if (now.every((each) => each === undefined)) return undefined;
          if (!now.some(isKnown)) return null;
          return isSum ? now.reduce((sum, each) => sum + (each ?? 0), 0) : most(...now);
        });
      for (const { spec, one } of all)
        one.draw(values(spec.columns, spec.isSum), spec.whole, { gaps, seconds });
      const isHeard = series.has('call_us');
      attempts.draw(isHeard ? series.get('call_us') : [], null, { gaps, seconds, colour: 'c4' });
      showPolls();
    },
    /** Tints the tiles that alarms are about. */
    alarming(alarms) {
      const grave = (key, severity) =>
        alarms.some((alarm) => keyOf(alarm) === key && alarm.severity === severity);
      for (const { spec, one } of all)
        one.look(['critical', 'warning'].find((severity) => grave(spec.key, severity)) ?? null);
    },
  };
}

/** How long a span is, in words of a tile. */
export const spanWords = ([from, to]) => length(to - from);
