// The charts of a board: each is a graph as of hosts that are compared, of what its chart asks for.

import { get, hostPath } from './api.js';
import { nameOf } from './catalogue.js';
import { t } from './i18n.js';
import { subjectWords } from './subject.js';
import { together } from './together.js';

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
export function hostsOf(live, { host, hosts = [], group, labels = {} }) {
  if (host) return { hosts: host };
  if (hosts.length) return { hosts: hosts.join(',') };
  if (group) return { group };
  return Object.keys(labels).length ? { hosts: labelled(live, labels).join(',') } : {};
}

/** What a chart is called, where it does not say. */
export function titleOf({ title, column, table, row, host, hosts = [], group, labels = {}, top, order }) {
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
  const { rows, polls, step_ms, start_ms } = await get(`${hostPath(host)}/series/${table}`, asked);
  const line = ({ row: name, columns: [{ avg }] }) => ({ host: name, values: { avg, count: polls } });
  return { step_ms, start_ms, lines: rows.map(line), spread: null, tier: 'poll', hosts: 1 };
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
export function boardChart(live, chart, number, deeds) {
  const { column, ...rest } = chart;
  const pinned = () => ({ ...rest, columns: [column] });
  const annotated = () => ({
    hosts: chart.host ? [chart.host] : (chart.hosts ?? []),
    group: chart.group ?? '',
  });
  return together(column, false, {
    ...deeds,
    key: `${number}-${column}`,
    title: titleOf(chart),
    read: (view, from, to) => answerOf(live, chart, from, to),
    pinned,
    annotated,
  });
}
