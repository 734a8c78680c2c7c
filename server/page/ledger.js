// The attempts of a span: what was asked of the host, when, and what came of it.

import { h, fill } from './dom.js';
import { bytes, micros, moment, UNKNOWN } from './format.js';
import { get, hostPath } from './api.js';
import { GOOD, told } from './gaps.js';

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

/** The ledger of a host: `span` gives its title and its two ends, `away` the words for an error. */
export function ledger(name, span, away) {
  let rows = FEW;
  let failedOnly = false;
  let asked = 0;
  // Built once: a button that is replaced while it is pressed does nothing.
  const title = h('h2', {});
  const note = h('span', { class: 'soft' });
  const only = h(
    'button',
    {
      type: 'button',
      'aria-pressed': 'false',
      onclick: () => {
        failedOnly = !failedOnly;
        if (failedOnly) rows = MORE;
        only.setAttribute('aria-pressed', String(failedOnly));
        load();
      },
    },
    'Failed only',
  );
  const more = h(
    'button',
    {
      type: 'button',
      hidden: true,
      onclick: () => {
        rows = MORE;
        load();
      },
    },
    'More',
  );
  const list = h('div', {});
  const element = h('section', { class: 'card' }, h('div', { class: 'row' }, title, note, only, more), list);

  /** Reads the span; only the answer to the newest question is shown. */
  async function load() {
    const mine = ++asked;
    const { words, from, to } = span();
    try {
      const page = await get(`${hostPath(name)}/polls`, {
        from,
        to,
        limit: rows,
        order: 'desc',
        fields: ATTEMPT,
      });
      if (mine === asked) show(words, page);
    } catch (error) {
      if (mine !== asked) return;
      title.textContent = words;
      note.textContent = '';
      more.hidden = true;
      fill(list, h('p', { class: 'none' }, away(error)));
    }
  }

  function show(words, page) {
    const failures = told(page.polls);
    const verdict = failures ? `, failed: ${failures}` : page.polls.length ? ', none failed' : '';
    title.textContent = words;
    note.textContent = `${page.next ? `the newest ${page.polls.length}` : page.polls.length}${verdict}`;
    more.hidden = !page.next || rows >= MORE;
    const polls = page.polls.filter((poll) => !failedOnly || !GOOD.includes(poll.outcome));
    const scrolled = list.querySelector('.scroll')?.scrollTop ?? 0;
    fill(list, polls.length === 0 ? h('p', { class: 'none' }, 'None.') : table(polls));
    list.querySelector('.scroll')?.scrollTo(0, scrolled);
  }

  return {
    element,
    load,
    leave: () => {
      asked += 1;
    },
  };
}

function table(polls) {
  const titles = COLUMNS.map((word) =>
    h('th', { scope: 'col', class: word.startsWith('#') ? 'num' : '' }, word.replace('#', '')),
  );
  return h(
    'div',
    { class: 'scroll short', tabIndex: 0, role: 'region', 'aria-label': 'Attempts' },
    h('table', {}, h('thead', {}, h('tr', {}, titles)), h('tbody', {}, polls.map(attempt))),
  );
}

function attempt(poll) {
  const colour = poll.outcome === 'ok' ? 'up' : poll.outcome === 'partial' ? 'degraded' : 'down';
  return h(
    'tr',
    {},
    h('td', {}, moment(poll.slot_ms)),
    h('td', {}, h('span', { class: `dot ${colour}`, 'aria-hidden': 'true' }), poll.outcome),
    TIMES.map((time) => h('td', { class: 'num' }, micros(poll[time]))),
    h('td', { class: 'num' }, bytes(poll.answer_bytes)),
    h('td', {}, poll.address ?? UNKNOWN),
    h('td', { class: 'words' }, poll.error ?? ''),
  );
}
