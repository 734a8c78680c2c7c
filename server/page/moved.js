// What happened here? The values of a host that moved most in a span, against the time before it of the same length.

import { h, fill, icon } from './dom.js';
import { get, hostPath } from './api.js';
import { addressOf } from './comparing.js';
import { valueWords } from './figures.js';
import { moment, unitOf } from './format.js';
import { drawnOf, GRAPHS } from './graphs.js';
import { t } from './i18n.js';
import { latest } from './latest.js';
import { spark } from './spark.js';

/** Changes that are listed; rows of lists whose little charts are read, and the points of each. */
const LISTED = 12;
const ROWS = 6;
const POINTS = 80;
/** Little charts: twice as many points as those of the screen. */
const SIZE = { width: 240, height: 48 };
const FIELDS = 'columns.name,columns.avg';

const isKnown = (value) => value !== null && value !== undefined;

/** What moved, in words: of a row its list and what it is known by. */
const nameOf = ({ table, row, column }) => (table ? `${table} ${row} · ${column}` : column);

/** How a value moved: its shape, and how much in words. */
function moveOf({ before, now }) {
  if (!isKnown(before)) return { shape: '+', words: t('new') };
  if (!isKnown(now)) return { shape: '−', words: t('gone') };
  const shape = now > before ? '↑' : '↓';
  const times = now / before;
  if (before > 0 && times >= 2) return { shape, words: `× ${times.toFixed(times < 10 ? 1 : 0)}` };
  if (before > 0)
    return { shape, words: `${times >= 1 ? '+' : '−'}${Math.abs(100 * (times - 1)).toFixed(0)} %` };
  return { shape, words: '' };
}

/** The questions for the little charts of changes: the host's columns at once, each row's by itself. */
function questions(changes) {
  const asked = new Map();
  for (const { table, row, column } of changes) {
    const key = JSON.stringify([table, row]);
    if (!asked.has(key)) asked.set(key, { table, row, columns: [] });
    asked.get(key).columns.push(column);
  }
  const all = [...asked.values()];
  return [...all.filter(({ table }) => !table), ...all.filter(({ table }) => table).slice(0, ROWS)];
}

/** Draws the little charts into `places`, by change; the second half is the span that is asked about. */
async function draw(name, { changes, before_from_ms: from, to_ms: to }, places) {
  const read = async ({ table, row, columns }) => {
    const asked = { columns: columns.join(','), from, to, points: POINTS, digits: 4 };
    const path = `${hostPath(name)}/series`;
    const answer = table
      ? await get(`${path}/${table}`, { ...asked, row, fields: `rows.${FIELDS.replaceAll(',', ',rows.')}` })
      : await get(path, { ...asked, fields: FIELDS });
    for (const { name: column, avg } of (table ? answer.rows[0] : answer)?.columns ?? []) {
      const change = changes.find((one) => one.table === table && one.row === row && one.column === column);
      const most = Math.max(0, ...avg.filter(isKnown)) * 1.1 || 1;
      fill(places.get(change), spark(avg, nameOf(change), most, null, SIZE));
    }
  };
  // One that cannot be drawn is told all the same.
  await Promise.all(questions(changes).map((one) => read(one).catch(() => null)));
}

/** A row of the list, which leads to the graph of what moved. */
function rowOf(change, place, way) {
  const unit = unitOf(change.column);
  const { shape, words } = moveOf(change);
  const figures = h(
    'span',
    { class: 'figs' },
    h('span', { class: 'm' }, isKnown(change.before) ? valueWords(unit, change.before) : '–'),
    ' → ',
    h('b', {}, isKnown(change.now) ? valueWords(unit, change.now) : '–'),
  );
  const title = change.text;
  const name = h('span', { class: 'name', title }, nameOf(change));
  const link =
    typeof way === 'string'
      ? h('a', { class: 'cover', href: way, 'data-link': true }, name)
      : h('button', { type: 'button', class: 'plain cover', onclick: way }, name);
  const move = h('span', { class: 'move' }, h('i', { 'aria-hidden': 'true' }, shape), words);
  return h('li', {}, move, link, figures, place);
}

/** What is told of both spans. */
function aboutOf({ from_ms: from, to_ms: to, polls, failed, failed_before: before }) {
  const times = [from, to].map((ms) => moment(ms).slice(11)).join(' – ');
  const some = failed || before ? ` · ${t('{n} of {all} polls failed', { n: failed, all: polls })}` : '';
  return `${times}, ${t('against the time before')}${some}`;
}

/** The elements of the panel; `shut` closes it. */
function elements(shut) {
  const title = t('What happened here?');
  const about = h('span', { class: 'm' });
  const props = { type: 'button', class: 'btn bare sm ic', 'aria-label': t('Close'), onclick: shut };
  const space = h('span', { class: 'sp' });
  const head = h('header', {}, h('h2', {}, title), about, space, h('button', props, icon('x', 's')));
  const list = h('ol', { class: 'list' });
  const told = h('p', { class: 'none', role: 'status' });
  const card = { class: 'card moved', hidden: true, tabIndex: -1, 'aria-label': title };
  const element = h('section', card, head, list, told);
  element.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    shut();
  });
  return { element, about, list, told };
}

/** What is said below the list: how much is left out, or why there is none. */
function restOf({ changes, more, polls, failed, polls_before: before, failed_before: failedBefore }) {
  if (changes.length) return more ? t('{n} more moved less', { n: more }) : '';
  const isBlank = polls === failed || before === failedBefore;
  return isBlank
    ? t('Nothing to compare: no poll brought values in this span, or in the one before')
    : t('Nothing moved beyond its usual spread');
}

/**
 * The panel for a host. `open(graph)` shows a graph by its key, `row(table, row)` the graph of a row.
 */
export function moved(name, { open, row }) {
  const asked = latest();
  const { element, about, list, told } = elements(shut);
  function shut() {
    element.hidden = true;
    fill(list);
  }
  function tell(words) {
    told.textContent = words;
    told.hidden = words === '';
  }
  /** Where a change leads: to the graph that it is drawn in, or to one of its own. */
  function wayOf({ table, row: of, column }, span) {
    if (table) return () => row(table, of);
    const graph = GRAPHS.find((one) => drawnOf(one).includes(column));
    return graph ? () => open(graph.key) : addressOf({ hosts: [name], column }, { fixed: span });
  }
  function show(answer) {
    const span = [answer.from_ms, answer.to_ms];
    const places = new Map(answer.changes.map((change) => [change, h('span', { class: 'small' })]));
    about.textContent = aboutOf(answer);
    fill(
      list,
      answer.changes.map((change) => rowOf(change, places.get(change), wayOf(change, span))),
    );
    tell(restOf(answer));
    element.scrollIntoView({ block: 'nearest' });
    draw(name, answer, places);
  }
  return {
    element,
    /** Asks what moved from one moment to another, and shows it. */
    async ask(...span) {
      const [from, to] = span.map(Math.round);
      const isWanted = asked.ask(`${from}-${to}`);
      element.hidden = false;
      fill(list);
      about.textContent = '';
      tell(t('Looking…'));
      element.scrollIntoView({ block: 'nearest' });
      element.focus({ preventScroll: true });
      try {
        const answer = await get(`${hostPath(name)}/changes`, { from, to, limit: LISTED });
        if (isWanted()) show(answer);
      } catch (error) {
        if (isWanted()) tell(error.message);
      }
    },
    leave: () => asked.end(),
  };
}
