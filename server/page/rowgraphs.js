// Graphs of what repeats: of one core, interface, disk, filesystem, process or container that a reader has chosen
// in a table.

import { h, icon } from './dom.js';
import { get, hostPath } from './api.js';
import { draw, graph, show, size } from './graph.js';
import { t } from './i18n.js';
import { latest } from './latest.js';
import { gapsOf, undue } from './points.js';

/** Graphs that are open at most: the oldest gives way. */
const MOST = 6;
const POINTS = 300;
const DIGITS = 4;
const FIELDS = 'step_ms,start_ms,polls,failed,known_from_ms,rows.columns.name,rows.columns.avg';

const line = (name, colour, ...plus) => ({ name, colour, plus, minus: [], need: plus });

/** What is drawn of a row of each table. */
const TABLES = {
  core: {
    kind: 'stack',
    unit: 'pct',
    most: 100,
    lines: [
      line(t('user'), 'c1', 'user_pct'),
      line(t('system'), 'c2', 'system_pct'),
      line(t('irq'), 'c4', 'irq_pct', 'softirq_pct'),
      line(t('nice'), 'c6', 'nice_pct'),
      line(t('iowait'), 'c5', 'iowait_pct'),
      line(t('steal'), 'c3', 'steal_pct'),
    ],
    whole: { name: t('busy'), lines: 4 },
  },
  net: {
    kind: 'mirror',
    unit: 'bytes_per_s',
    lines: [line(t('out|network'), 'c1', 'tx_bytes_per_s'), line(t('in|network'), 'c4', 'rx_bytes_per_s')],
  },
  disk: {
    kind: 'mirror',
    unit: 'bytes_per_s',
    lines: [line(t('written'), 'c2', 'written_bytes_per_s'), line(t('read|disk'), 'c5', 'read_bytes_per_s')],
  },
  filesystem: {
    kind: 'lines',
    unit: 'pct',
    most: 100,
    lines: [line(t('space used'), 'c1', 'used_pct'), line(t('inodes used'), 'c2', 'inodes_used_pct')],
  },
  process: { kind: 'lines', unit: 'pct', lines: [line('CPU', 'c1', 'cpu_pct')] },
  container: {
    kind: 'lines',
    unit: 'pct',
    lines: [
      line('CPU', 'c1', 'cpu_pct'),
      line(t('throttled'), 'c5', 'throttled_pct'),
      line(t('memory of its limit'), 'c2', 'memory_used_pct'),
    ],
  },
};
const columnsOf = ({ lines }) => lines.flatMap(({ plus }) => plus);

/** An answer about a row as a graph takes it. */
function drawable({ polls, failed, step_ms: step, start_ms: start, rows }, { to }, marks) {
  const times = polls.map((_, point) => start + point * step);
  const skipped = undue(times, polls);
  const joined = (values) => values.map((value, point) => (skipped[point] ? undefined : value));
  const columns = rows[0]?.columns ?? [];
  const fails = { times, polls, failed, step };
  return {
    seconds: times.map((ms) => ms / 1000),
    series: new Map(columns.map(({ name, avg }) => [name, joined(avg)])),
    ranges: new Map(),
    fails,
    step,
    gaps: gapsOf(fails, Math.min(to, Date.now())),
    marks,
  };
}

/** The button that closes the graph of a row. */
function shutButton(title, onclick) {
  const props = {
    type: 'button',
    class: 'btn bare sm ic',
    'aria-label': t('Close {title}', { title }),
    onclick,
  };
  return h('button', props, icon('x', 's'));
}

/** The graphs of rows; `deeds` are those of the host's other graphs. */
export function rowGraphs(name, deeds) {
  const element = h('div', { class: 'charts small rowgraphs' });
  const open = new Map();
  let span = null;

  function close(key) {
    const one = open.get(key);
    open.delete(key);
    one.questions.end();
    one.card.remove();
    one.plot?.destroy();
    one.states.leave();
  }
  async function load(one) {
    const isWanted = one.questions.ask(`${span.from}-${span.to}`);
    const asked = { columns: columnsOf(one).join(','), row: one.row, from: span.from, to: span.to };
    const path = `${hostPath(name)}/series/${one.table}`;
    const shown = { ...asked, points: POINTS, digits: DIGITS, fields: FIELDS };
    const [marks, answer] = await Promise.all([span.marks, get(path, shown).catch(() => null)]);
    if (!answer || !isWanted() || !one.card.isConnected) return;
    draw(one, drawable(answer, span, marks), span, deeds);
    one.redraw();
    size(one);
    const last = new Map((answer.rows[0]?.columns ?? []).map((each) => [each.name, each.avg]));
    show(one, (column) => last.get(column)?.findLast((value) => value !== null) ?? null);
  }
  const resized = new ResizeObserver(() => [...open.values()].forEach(size));
  resized.observe(element);
  return {
    element,
    /** Opens the graph of a row, or closes the one that is open. */
    toggle(table, row, title) {
      const key = JSON.stringify([table, row]);
      if (open.has(key)) return close(key);
      if (open.size >= MOST) close(open.keys().next().value);
      const spec = { ...TABLES[table], key: `${table}-${row}`, title };
      const one = Object.assign(
        graph(spec, deeds.why, () => close(key), {
          ...deeds,
          pinned: () => ({ host: name, table, row, columns: columnsOf(spec) }),
        }),
        { table, row, questions: latest() },
      );
      const shut = shutButton(title, () => close(key));
      one.open.replaceWith(shut);
      open.set(key, one);
      element.append(one.card);
      one.card.scrollIntoView({ block: 'nearest' });
      return span && load(one);
    },
    /** Shows the graph of a row, where its table has graphs. */
    open(table, row, title) {
      const key = JSON.stringify([table, row]);
      if (!open.has(key) && TABLES[table]) this.toggle(table, row, title);
      const card = open.get(key)?.card;
      card?.scrollIntoView({ block: 'center' });
      card?.focus({ preventScroll: true });
    },
    load(now) {
      span = now;
      for (const one of open.values()) load(one);
    },
    themed() {
      for (const one of open.values()) one.redraw?.();
    },
    leave() {
      resized.disconnect();
      for (const key of [...open.keys()]) close(key);
    },
  };
}
