// The state of the whole in six figures, each a link to where it comes from.

import { fill, glyph, h, icon, renew } from './dom.js';
import { bytes, count, micros, number, parted, percent, rate, UNKNOWN } from './format.js';
import { t, term, tn } from './i18n.js';
import { SEVERITIES, STATES } from './live.js';
import { at } from './place.js';
import { spark } from './spark.js';

/** A tile's chart, px; its style makes it as wide as there is room. */
const CHART = { width: 240, height: 72 };

/** A number with its unit behind it, smaller. */
function figure(words) {
  const [value, unit] = parted(words);
  return [value, unit ? h('u', {}, ` ${unit}`) : null];
}

function tile({ name, label, symbol, path }) {
  const fig = h('div', { class: 'fig' });
  const chart = h('span', { class: 'chart' });
  const sub = h('div', { class: 'sub' });
  const title = h('a', { class: 'cover lab', href: at(path), 'data-link': true }, icon(symbol), label);
  const element = h('section', { class: 'card tile', 'data-tile': name }, title, fig, chart, sub);
  return {
    element,
    draw(value, words, { values = [], most = 100, tone = '' } = {}) {
      renew(fig, value);
      renew(sub, words);
      element.className = `card tile ${tone}`;
      const known = values.filter((one) => one !== null);
      const isDrawn = known.length > 1;
      fill(chart, isDrawn ? spark(values, t('{label}, lately', { label }), most, null, CHART) : []);
    },
  };
}

/** Hosts that are up, and a bar with a part for each state. */
function hostsOf(counts, all) {
  const grave = STATES.filter((state) => counts[state]);
  const bar = h('div', { class: 'split', 'aria-hidden': 'true' });
  for (const state of grave) {
    const part = h('i', { class: state });
    part.style.flexGrow = counts[state];
    bar.append(part);
  }
  const loud = grave.filter((state) => state !== 'up');
  const linked = (state) =>
    h(
      'a',
      {
        class: `st lift ${state}`,
        href: at(`?state=${state}#hosts`),
        'data-link': true,
        title: t('{n} {state}', { n: counts[state], state: term('state', state) }),
      },
      glyph(state),
      counts[state],
      h('span', { class: 'said' }, ` ${term('state', state)}`),
    );
  return [
    [counts.up ?? 0, h('u', {}, t(' of {all}', { all }))],
    [bar, h('div', { class: 'cnt' }, loud.length ? loud.map(linked) : t('all up'))],
  ];
}

function alertsOf(firing) {
  const words = SEVERITIES.filter((severity) => firing[severity]).map((severity) =>
    t('{n} {severity}', { n: firing[severity], severity: term('severity', severity) }),
  );
  const all = SEVERITIES.reduce((sum, severity) => sum + (firing[severity] ?? 0), 0);
  const tone = firing.critical ? 'loud' : firing.warning ? 'warn' : '';
  return { all, tone, words: words.length ? words.join(' · ') : t('none fires') };
}

/** The scale of a chart: from 0 to what it reached. */
const reached = (values) => Math.max(...values.filter((value) => value !== null), 1e-9) * 1.15;
const shares = (values) => ({ values, most: Math.min(100, Math.max(20, reached(values))) });

const TILES = [
  { name: 'hosts', label: t('Hosts up'), symbol: 'fleet', path: '#hosts' },
  { name: 'alerts', label: t('Alerts firing'), symbol: 'bell', path: 'alerts' },
  { name: 'cpu', label: 'CPU', symbol: 'cpu', path: '?sort=cpu&colour=cpu#hosts' },
  { name: 'memory', label: t('Memory'), symbol: 'memory', path: '?sort=memory&colour=memory#hosts' },
  { name: 'network', label: t('Network'), symbol: 'net', path: '?sort=tx#hosts' },
  { name: 'polls', label: t('Polls answered'), symbol: 'poll', path: 'server' },
];

/** The tiles of the fleet; `past` has how its sums went. */
export function tiles(past) {
  const all = Object.fromEntries(TILES.map((one) => [one.name, tile(one)]));
  const dash = [UNKNOWN];
  return {
    element: h(
      'div',
      { class: 'tiles', 'aria-label': t('Fleet in figures'), role: 'region' },
      Object.values(all).map(({ element }) => element),
    ),
    draw(live) {
      const { now } = past;
      all.hosts.draw(...hostsOf(live.counts, live.hosts.size));
      const fired = alertsOf(live.server.alarms_firing ?? {});
      all.alerts.draw(fired.all, fired.words, { tone: fired.tone });
      const cores = now.cores
        ? tn(now.cores, '{busy} of {n} core', '{busy} of {n} cores', { busy: count(now.busy_cores) })
        : t('no answer yet');
      const p95 = now.cpu_p95_pct === null ? '' : `p95 ${percent(now.cpu_p95_pct)} · `;
      all.cpu.draw(now.cpu_pct === null ? dash : figure(percent(now.cpu_pct)), p95 + cores, shares(past.cpu));
      all.memory.draw(
        now.memory_pct === null ? dash : figure(percent(now.memory_pct)),
        now.memory_bytes
          ? t('{n} of {all}', { n: bytes(now.used_bytes), all: bytes(now.memory_bytes) })
          : t('no answer yet'),
        shares(past.memory),
      );
      all.network.draw(
        now.tx_bytes_per_s === null ? dash : figure(rate(now.tx_bytes_per_s)),
        t('out · in {rate}', { rate: rate(now.rx_bytes_per_s) }),
        { values: past.network, most: reached(past.network) },
      );
      const pace = past.rate === null ? null : `${number(past.rate, 1)}/s`;
      const late = now.call_p95_us === null ? null : `p95 ${micros(now.call_p95_us)}`;
      all.polls.draw(
        now.answered_pct === null ? dash : figure(percent(now.answered_pct)),
        [t('{n} of {all}', { n: now.answered, all: now.polled }), pace, late].filter(Boolean).join(' · '),
        { values: past.answered, tone: now.answered_pct !== null && now.answered_pct < 50 ? 'warn' : '' },
      );
    },
  };
}

/** What stands beside the title: how large the fleet is. */
export function sizeOf(live) {
  const groups = new Set([...live.hosts.values()].map(({ group }) => group).filter(Boolean));
  if (!live.at) return t('Waiting for the server');
  const hosts = tn(live.hosts.size, '{n} host', '{n} hosts');
  return groups.size ? tn(groups.size, '{hosts} in {n} group', '{hosts} in {n} groups', { hosts }) : hosts;
}
