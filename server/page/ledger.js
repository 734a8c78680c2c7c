// The attempts of a span: what was asked of the host, when, where the time went, and what came of it.

import { h, glyph, renew, titles } from './dom.js';
import { bytes, micros, moment, UNKNOWN } from './format.js';
import { get, hostPath } from './api.js';
import { withU } from './figures.js';
import { told } from './gaps.js';
import { t } from './i18n.js';
import { latest } from './latest.js';
import { ANSWERED, causeOf, outcomeWords } from './words.js';
import { inWords } from './sentences.js';

/** Rows that are shown at first, and of those more that are asked for. */
const FEW = 12;
const MORE = 1000;
/** What is shown of an attempt. */
const ATTEMPT = 'slot_ms,outcome,late_us,queue_us,resolve_us,connect_us,call_us,answer_bytes,address,error';
const COLUMNS = [t('Due'), t('Outcome'), t('Time spent'), `#${t('Total')}`, `#${t('Answer')}`, t('Note')];
/** Where the time of an attempt goes, in turn. */
const PARTS = {
  queued: ({ queue_us: queued }) => queued ?? 0,
  connect: ({ resolve_us: resolve, connect_us: connect }) => (resolve ?? 0) + (connect ?? 0),
  call: ({ call_us: call }) => call ?? 0,
};
const NAMES = { queued: t('queued'), connect: t('connect'), call: t('call') };
/** A little more than the longest that answered fills the bar. */
const ROOM = 1.1;

const sum = (poll) => Object.values(PARTS).reduce((all, part) => all + part(poll), 0);
const isGood = ({ outcome }) => ANSWERED.includes(outcome);
const look = ({ outcome }) => (outcome === 'ok' ? 'up' : outcome === 'partial' ? 'degraded' : 'down');

/** The bar of an attempt: one part for each step; what failed is the last of them. */
function timing(poll, scale) {
  const steps = Object.entries(PARTS).map(([name, part]) => [name, part(poll)]);
  const words = [
    ...steps.map(([name, took]) => `${NAMES[name]} ${micros(took)}`),
    t('late {time}', { time: micros(poll.late_us) }),
  ].join(t(', '));
  const last = isGood(poll) ? null : steps.findLast(([, took]) => took > 0)?.[0];
  const bars = steps.map(([name, took]) => {
    const bar = h('i', { class: name === last ? 'failed' : name });
    bar.style.width = `${Math.min(100, (100 * took) / scale).toFixed(1)}%`;
    return bar;
  });
  return h('span', { class: 'timing', role: 'img', 'aria-label': words, title: words }, bars);
}

const today = () => moment(Date.now()).split(' ')[0];
function due(ms) {
  const [day, time] = moment(ms).split(' ');
  return day === today() ? time : `${day.slice(5)} ${time}`;
}

function attempt(poll, scale) {
  const num = (words) => h('td', { class: 'num' }, ...withU(words));
  const state = look(poll);
  return h(
    'tr',
    {},
    h('td', { title: moment(poll.slot_ms) }, due(poll.slot_ms)),
    h('td', {}, h('span', { class: `st ${state}` }, glyph(state), outcomeWords(poll.outcome))),
    h('td', {}, timing(poll, scale)),
    num(micros(sum(poll))),
    num(bytes(poll.answer_bytes)),
    h(
      'td',
      { class: 'words', title: poll.address ?? '' },
      inWords(causeOf(poll)) || h('span', { class: 'm' }, UNKNOWN),
    ),
  );
}

function table(polls, isLong) {
  if (polls.length === 0) return h('p', { class: 'none' }, t('None'));
  const good = polls.filter(isGood).map(sum);
  const scale = Math.max(1, ...(good.length ? good : polls.map(sum))) * ROOM;
  const rows = h(
    'tbody',
    {},
    polls.map((poll) => attempt(poll, scale)),
  );
  const props = {
    class: isLong ? 'wide long' : 'wide',
    tabIndex: 0,
    role: 'region',
    'aria-label': t('Attempts'),
  };
  return h('div', props, h('table', { class: 'attempts' }, titles(COLUMNS), rows));
}

/** How many attempts an answer has, and what came of them. */
function noteOf({ polls, next }, words) {
  const n = polls.length;
  const count = next ? t('the newest {n} {span}', { n, span: words }) : t('{n} {span}', { n, span: words });
  const failures = told(polls);
  return `${count} · ${failures || (n ? t('none failed') : t('none'))}`;
}

/**
 * The ledger of a host: `span` gives words for it, its two ends and what it is `about`, `away` the words for an error.
 */
export function ledger(name, span, away) {
  const asked = { rows: FEW, failedOnly: false };
  const questions = latest();
  const note = h('span', { class: 'm' });
  const choice = (words, failedOnly) =>
    h('button', { type: 'button', onclick: () => choose(failedOnly) }, words);
  const choices = [choice(t('All'), false), choice(t('Failed'), true)];
  const more = h('button', { type: 'button', class: 'plain', hidden: true, onclick: showMore }, t('More'));
  const swatch = (part) => h('span', {}, h('i', { class: `sw ${part}` }), NAMES[part]);
  const key = h('span', { class: 'key', 'aria-hidden': 'true' }, Object.keys(PARTS).map(swatch));
  const seg = h('div', { class: 'seg sm', role: 'group', 'aria-label': t('Which attempts') }, choices);
  const list = h('div', {});
  const foot = h('p', { class: 'foot' }, more);
  const head = h('header', {}, h('h2', {}, t('Attempts')), note, h('span', { class: 'sp' }), key, seg);
  const element = h('section', { class: 'card' }, head, list, foot);
  show();

  function show() {
    choices.forEach((one, position) =>
      one.setAttribute('aria-pressed', String(asked.failedOnly === (position === 1))),
    );
    foot.hidden = more.hidden;
  }
  function choose(failedOnly) {
    Object.assign(asked, { failedOnly, rows: failedOnly ? MORE : asked.rows });
    show();
    load();
  }
  function showMore() {
    asked.rows = MORE;
    load();
  }

  async function load() {
    const { words, from, to, about } = span();
    const isWanted = questions.ask(JSON.stringify([about, asked]));
    const query = { from, to, limit: asked.rows, order: 'desc', fields: ATTEMPT };
    try {
      const page = await get(`${hostPath(name)}/polls`, query);
      if (!isWanted()) return;
      note.textContent = noteOf(page, words);
      more.hidden = !page.next || asked.rows >= MORE;
      const shown = page.polls.filter((poll) => !asked.failedOnly || !isGood(poll));
      renew(list, table(shown, asked.rows > FEW));
    } catch (error) {
      if (!isWanted()) return;
      note.textContent = '';
      more.hidden = true;
      renew(list, h('p', { class: 'none' }, away(error)));
    }
    show();
  }

  return { element, load, leave: () => questions.end() };
}
