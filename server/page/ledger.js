// The attempts of a span: what was asked of the host, when, and what came of it.

import { h, renew, titles } from './dom.js';
import { bytes, micros, moment, UNKNOWN } from './format.js';
import { get, hostPath } from './api.js';
import { GOOD, told } from './gaps.js';
import { latest } from './latest.js';

/** Rows that are shown at first, and of those more that are asked for. */
const FEW = 50;
const MORE = 1000;
/** What is shown of an attempt. */
const ATTEMPT = 'slot_ms,outcome,late_us,queue_us,resolve_us,connect_us,call_us,answer_bytes,address,error';
const TIMES = ['late_us', 'queue_us', 'resolve_us', 'connect_us', 'call_us'];
const COLUMNS = [
  'Due',
  'Outcome',
  '#Late',
  '#Queued',
  '#Resolved',
  '#Connected',
  '#Called',
  '#Answer',
  'Address',
  'Error',
];

function attempt(poll) {
  const colour = poll.outcome === 'ok' ? 'up' : poll.outcome === 'partial' ? 'degraded' : 'down';
  const num = (words) => h('td', { class: 'num' }, words);
  return h(
    'tr',
    {},
    h('td', {}, moment(poll.slot_ms)),
    h('td', {}, h('span', { class: `dot ${colour}`, 'aria-hidden': 'true' }), poll.outcome),
    TIMES.map((time) => num(micros(poll[time]))),
    num(bytes(poll.answer_bytes)),
    h('td', {}, poll.address ?? UNKNOWN),
    h('td', { class: 'words' }, poll.error ?? ''),
  );
}

function table(polls) {
  if (polls.length === 0) return h('p', { class: 'none' }, 'None.');
  const rows = h('tbody', {}, polls.map(attempt));
  const props = { class: 'scroll short', tabIndex: 0, role: 'region', 'aria-label': 'Attempts' };
  return h('div', props, h('table', {}, titles(COLUMNS), rows));
}

/** How many attempts an answer has, and what came of them. */
function noteOf({ polls, next }) {
  const failures = told(polls);
  const verdict = failures ? `, failed: ${failures}` : polls.length ? ', none failed' : '';
  return `${next ? 'the newest ' : ''}${polls.length}${verdict}`;
}

/**
 * The ledger of a host: `span` gives its title, its two ends and what it is `about`, `away` the words for an error.
 */
export function ledger(name, span, away) {
  const asked = { rows: FEW, failedOnly: false };
  const questions = latest();
  const title = h('h2', {});
  const note = h('span', { class: 'soft' });
  const only = h('button', { type: 'button', 'aria-pressed': 'false', onclick: toggle }, 'Failed only');
  const more = h('button', { type: 'button', hidden: true, onclick: showMore }, 'More');
  const list = h('div', {});
  const element = h('section', { class: 'card' }, h('div', { class: 'row' }, title, note, only, more), list);

  function toggle() {
    asked.failedOnly = !asked.failedOnly;
    only.setAttribute('aria-pressed', String(asked.failedOnly));
    if (asked.failedOnly) asked.rows = MORE;
    load();
  }
  function showMore() {
    asked.rows = MORE;
    load();
  }

  async function load() {
    const { words, from, to, about } = span();
    const isWanted = questions.ask(JSON.stringify([about, asked]));
    try {
      const page = await get(`${hostPath(name)}/polls`, {
        from,
        to,
        limit: asked.rows,
        order: 'desc',
        fields: ATTEMPT,
      });
      if (!isWanted()) return;
      title.textContent = words;
      note.textContent = noteOf(page);
      more.hidden = !page.next || asked.rows >= MORE;
      renew(list, table(page.polls.filter(({ outcome }) => !asked.failedOnly || !GOOD.includes(outcome))));
    } catch (error) {
      if (!isWanted()) return;
      title.textContent = words;
      note.textContent = '';
      more.hidden = true;
      renew(list, h('p', { class: 'none' }, away(error)));
    }
  }

  return { element, load, leave: () => questions.end() };
}
