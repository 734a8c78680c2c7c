// The charts of a board: each is a graph as of hosts that are compared, of what its chart asks for.

import { annotated, onAnnotated } from './annotations.js';
import { get, hostPath } from './api.js';
import { nameOf } from './catalogue.js';
import { h, fill } from './dom.js';
import { size } from './graph.js';
import { t } from './i18n.js';
import { subjectWords } from './subject.js';
import { together } from './together.js';
import { whole } from './whole.js';

/** Lines of a chart of rows or of the top hosts: more have no colours of their own. */
const LINES = 12;
const POINTS = 300;
const DIGITS = 4;

/** The hosts of a chart that has labels: those of the fleet that have them all. */
function labelled(live, labels) {
  const has = (host) => Object.entries(labels).every(([key, value]) => host.labels?.[key] === value);
  return [...live.hosts.values()].filter(has).map(({ name }) => name);
}

/** Which hosts a chart is about, as the server is asked. */
function hostsOf(live, { host, hosts = [], group, labels = {} }) {
  if (host) return { hosts: host };
  if (hosts.length) return { hosts: hosts.join(',') };
  if (group) return { group };
  return Object.keys(labels).length ? { hosts: labelled(live, labels).join(',') } : {};
}

/** What a chart is called, where it does not say. */
function titleOf({ title, column, table, row, host, hosts = [], group, labels = {}, top, order }) {
  if (title) return title;
  if (table) return [host, table, row, column].filter(Boolean).join(' · ');
  const value = nameOf(column);
  const pairs = Object.entries(labels).map(([key, each]) => `${key}=${each}`);
  const about = pairs.length ? pairs.join(' ') : subjectWords({ group, hosts: host ? [host] : hosts });
  if (!top) return `${value} · ${about}`;
  const values = { n: top, column: value };
  const words = order === 'asc' ? t('Least {n}: {column}', values) : t('Top {n}: {column}', values);
  return group || hosts.length || pairs.length ? `${words} · ${about}` : words;
}

/** Rows of a host as lines, as an answer about several hosts has them. */
async function rowsOf({ host, table, row, column }, from, to) {
  const asked = { columns: column, row, from, to, points: POINTS, digits: DIGITS, rows: LINES };
  const { rows, polls, step_ms, start_ms, tier } = await get(`${hostPath(host)}/series/${table}`, asked);
  const line = ({ row: name, columns: [{ avg }] }) => ({ host: name, values: { avg, count: polls } });
  return { step_ms, start_ms, lines: rows.map(line), spread: null, tier, hosts: 1 };
}

async function topOf(live, { column, top, order, ...chart }, from, to) {
  const of = hostsOf(live, chart);
  const list = await get('api/v1/top', { ...of, column, from, to, n: Math.min(top, LINES), order });
  const hosts = list.top.map(({ host }) => host).join(',');
  const about = hosts ? { hosts } : of;
  return get('api/v1/series', { ...about, column, from, to, digits: DIGITS });
}

/** What a chart shows from one moment to another. */
function answerOf(live, chart, from, to) {
  if (chart.table) return rowsOf(chart, from, to);
  const about = hostsOf(live, chart);
  if (about.hosts === '') throw new Error(t('No host has these labels'));
  if (chart.top) return topOf(live, chart, from, to);
  return get('api/v1/series', { ...about, column: chart.column, from, to, digits: DIGITS });
}

/** A chart of a board in its card; `deeds` are those of [`together`]. */
function boardChart(live, chart, number, deeds) {
  const { column, ...rest } = chart;
  const pinned = () => ({ ...rest, columns: [column] });
  const about = () => ({
    hosts: chart.host ? [chart.host] : (chart.hosts ?? []),
    group: chart.group ?? '',
  });
  return together(column, false, {
    ...deeds,
    key: `${number}-${column}`,
    title: titleOf(chart),
    read: (view, from, to) => answerOf(live, chart, from, to),
    pinned,
    annotated: about,
  });
}

/** Charts of a board in their places, and when they are read; also what is shown on a wall. */
export class BoardCharts {
  #live;
  #all = [];
  #deeds;
  #whole = whole(() => this.graphs);
  #resized = new ResizeObserver(() => this.graphs.forEach((one) => size(one)));
  #unheard;
  #ends = null;
  element = h('div', { class: 'charts large' });

  constructor(live, deeds) {
    this.#live = live;
    this.#deeds = deeds;
    this.#resized.observe(this.element);
    this.#unheard = onAnnotated(() => this.#ends && this.load(this.#ends));
    addEventListener('roundsman:theme', this.#themed);
  }

  get graphs() {
    return this.#all.map(({ graph }) => graph);
  }

  /** Shows these charts; `dressed(card, position)` gives a card more than its graph. */
  show(charts, dressed = () => {}) {
    this.#whole.end();
    for (const one of this.graphs) one.leave();
    this.#all = charts.map((chart, position) => {
      const graph = boardChart(this.#live, chart, position, {
        ...this.#deeds,
        whole: (one) => this.#whole.toggle(one),
        why: { words: () => '' },
      });
      dressed(graph.card, position);
      return { chart, graph };
    });
    if (this.#all.length) this.#all[0].graph.isFirst = true;
    fill(
      this.element,
      this.graphs.map(({ card }) => card),
    );
  }

  /** Draws what was from one moment to another; what came of the first chart that has something. */
  async load(ends) {
    this.#ends = ends;
    const drawn = await Promise.all(
      this.#all.map(async ({ chart, graph }) => {
        const about = hostsOf(this.#live, chart);
        const [came, marks] = await Promise.all([graph.load(chart, ends), annotated(about, ends)]);
        graph.mark(marks);
        return came;
      }),
    );
    return drawn.find(Boolean);
  }

  /** Puts the chart that fills the window back; whether there was one. */
  unfill() {
    return this.#whole.end();
  }

  #themed = () => this.graphs.forEach((one) => one.redraw());

  leave() {
    removeEventListener('roundsman:theme', this.#themed);
    this.#unheard();
    this.#resized.disconnect();
    this.#whole.leave();
    for (const one of this.graphs) one.leave();
  }
}
