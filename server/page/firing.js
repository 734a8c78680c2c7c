// The alarms that fire, gravest first: what each is about, how its value went, and what is done about it.

import { arrange, glyph, h, hostLink, icon, renew, titles } from './dom.js';
import { get } from './api.js';
import { acknowledge, closeDeeds, silence, takeBack } from './deeds.js';
import { length, measured, moment, NATURAL, sentence, shortMoment } from './format.js';
import { t, term } from './i18n.js';
import { latest } from './latest.js';
import { SEVERITIES } from './live.js';
import { isPressed } from './press.js';
import { traces } from './traces.js';
import { alarmWords } from './trouble.js';
import { ruleWords, silencedWords } from './words.js';

/** Alarms that are shown at most. */
const MOST = 200;
const COLUMNS = [t('Host'), t('Alert'), t('Value'), t('Last hour'), t('Age'), t('In hand'), ''];

const keyOf = ({ host, rule, row }) => JSON.stringify([host, rule, row]);

/** By severity, then group, host and rule; hosts without a group are last. */
function order(a, b) {
  const grave = SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity);
  if (grave) return grave;
  if ((a.group === null) !== (b.group === null)) return a.group === null ? 1 : -1;
  const texts = ['group', 'host', 'rule', 'row'].map((key) => NATURAL.compare(a[key] ?? '', b[key] ?? ''));
  return texts.find(Boolean) ?? 0;
}

const small = (...words) => h('div', { class: 'soft small' }, ...words);

/** What an alarm is about: what is said of it, by which rule, where it stands what to do. */
function about(alarm) {
  const runbook = alarm.runbook
    ? h('a', { href: alarm.runbook, target: '_blank', rel: 'noreferrer' }, t('Runbook'))
    : null;
  const { rule, row, when } = alarm;
  const parts = [row ? `${rule} ${row}` : rule, when].filter(Boolean).join(': ');
  return [h('b', {}, alarmWords(alarm)), small(parts, runbook ? ' · ' : null, runbook)];
}

/** Who has it in hand, and what keeps it from being told; `silences` are those in force, by id. */
function inHand(alarm, silences) {
  const words = [];
  if (alarm.acked_by) {
    const acked = t('acked by {who}, {time}', { who: alarm.acked_by, time: shortMoment(alarm.acked_at_ms) });
    words.push(h('div', {}, [acked, alarm.ack_note].filter(Boolean).join(t(': '))));
  }
  for (const id of alarm.silenced_by ?? []) {
    const one = silences.get(id);
    words.push(h('div', {}, one ? silencedWords(one) : t('silenced')));
  }
  return words;
}

/** What the value is compared with. */
const limitOf = ({ threshold, unit }) =>
  threshold === null ? null : small(t('limit {limit}', { limit: measured(threshold, unit) }));

const STANDS = { clearing: term('alarm_state', 'clearing'), unknown: t('no values') };

/** An alarm's row; its buttons act on what it shows now. `done` is called when something was done. */
function rowOf(first, drawn, done, told) {
  const shown = { alarm: first };
  const deed = (name, label, act) =>
    h('button', { type: 'button', onclick: () => act(shown.alarm, done) }, icon(name, 's'), label);
  const back = async () => {
    await takeBack(shown.alarm).then(done, (error) => told(error.message));
  };
  const ack = deed('check', t('Ack'), acknowledge);
  const unack = h('button', { type: 'button', onclick: back }, t('Unack'));
  const quiet = deed('bell-off', t('Silence'), silence);
  const place = h('div', { class: 'trace' });
  drawn.places.set(place, shown);
  const cells = ['who', 'what', 'value', 'last', 'since', 'hand', 'deeds'].map((name) =>
    h('td', { class: name }),
  );
  const [who, what, value, last, since, hand, deeds] = cells;
  last.append(place);
  deeds.append(ack, unack, quiet);
  const row = h('tr', {}, cells);
  if (first.column) drawn.traces.watch(place);
  return {
    row,
    renew(alarm, silences, now) {
      shown.alarm = alarm;
      row.className = `${alarm.severity} ${alarm.acked_by || alarm.silenced_by?.length ? 'handled' : ''}`;
      renew(who, hostLink(alarm.host), alarm.group ? small(alarm.group) : null);
      renew(what, about(alarm));
      renew(value, alarm.value === null ? '' : measured(alarm.value, alarm.unit), limitOf(alarm));
      const fired = alarm.fired_ms ?? alarm.since_ms;
      const stands = STANDS[alarm.state];
      renew(since, length(now - fired), small(stands ?? t('since {time}', { time: shortMoment(fired) })));
      since.title = moment(fired);
      renew(hand, inHand(alarm, silences));
      ack.hidden = Boolean(alarm.acked_by);
      unack.hidden = !alarm.acked_by;
    },
  };
}

/** How each severity is headed: its word and how many there are. */
function section(severity) {
  const count = h('span', {});
  const cell = h(
    'th',
    { colspan: COLUMNS.length, scope: 'rowgroup' },
    glyph(severity),
    `${sentence(term('severity', severity))} `,
    count,
  );
  const head = h('tr', { class: 'severity' }, cell);
  const body = h('tbody', {});
  return { severity, count, head, body };
}

/** What was asked for: alarms, and the silences that hold some of them back. */
async function read(filter) {
  const asked = { firing: true, limit: MOST, ...filter };
  // Alarms are shown also while it is not known what silences them.
  const kept = get('api/v1/silences').catch(() => ({ silences: [] }));
  const [page, { silences }] = await Promise.all([get('api/v1/alerts', asked), kept]);
  return { page, silences };
}

/** A table of alarms that is kept up to date. */
function table(drawn, done, told) {
  const sections = SEVERITIES.map(section);
  const parts = h('table', { class: 'alarms' }, titles(COLUMNS));
  const element = h(
    'div',
    { class: 'wide', tabIndex: 0, role: 'region', 'aria-label': t('Alarms that fire') },
    parts,
  );
  let rows = new Map();
  return {
    element,
    draw(alarms, silences, now) {
      const sorted = [...alarms].sort(order);
      const made = sorted.map((alarm) => {
        const one = rows.get(keyOf(alarm)) ?? rowOf(alarm, drawn, done, told);
        one.renew(alarm, silences, now);
        return [keyOf(alarm), { ...one, severity: alarm.severity }];
      });
      rows = new Map(made);
      for (const { severity, count, head, body } of sections) {
        const own = made.map(([, one]) => one).filter((one) => one.severity === severity);
        count.textContent = own.length;
        arrange(body, own.length ? [head, ...own.map(({ row }) => row)] : []);
      }
      arrange(parts, [
        parts.tHead,
        ...sections.filter(({ body }) => body.firstChild).map(({ body }) => body),
      ]);
      element.hidden = sorted.length === 0;
    },
  };
}

/**
 * The alarms that fire of a filter, which may change: `filter()` gives it, `none(page)` what is said where there is
 * none, `heard(page, silences)` is called with what came.
 */
export function firing({ filter, none, heard = () => {} }) {
  const questions = latest();
  const places = new Map();
  const drawn = {
    places,
    traces: traces((place) => {
      const { alarm } = places.get(place);
      const { host, column, threshold } = alarm;
      const words = t('The value of {rule} over the last hour', { rule: ruleWords(alarm) });
      return { host, column, threshold, words };
    }),
  };
  const words = h('p', { class: 'none', role: 'status' });
  const more = h('p', { class: 'soft', hidden: true });
  const wrong = h('p', { class: 'wrong', role: 'alert' });
  const told = (what) => {
    wrong.textContent = what;
  };
  const list = table(drawn, () => load(), told);
  let at = 0;

  async function load() {
    at = Date.now();
    const isWanted = questions.ask(JSON.stringify(filter()));
    try {
      const { page, silences } = await read(filter());
      // Rows move when others come in: not while one is pressed.
      const put = () => !isPressed(put) && isWanted() && show(page, silences);
      put();
    } catch (error) {
      if (isWanted()) told(error.message);
    }
  }
  function show(page, silences) {
    told('');
    list.draw(page.alarms, new Map(silences.map((one) => [one.id, one])), Date.now());
    for (const place of places.keys()) if (!place.isConnected) places.delete(place);
    drawn.traces.renew();
    renew(words, none(page));
    words.hidden = page.alarms.length > 0;
    more.hidden = page.total <= page.alarms.length;
    more.textContent = t('The gravest {n} of {all}. Filter to see others.', {
      n: page.alarms.length,
      all: page.total,
    });
    heard(page, silences);
  }
  const themed = () => drawn.traces.themed();
  addEventListener('roundsman:theme', themed);
  return {
    elements: [list.element, words, more, wrong],
    load,
    /** How long ago it was asked for, ms. */
    age: () => Date.now() - at,
    leave() {
      removeEventListener('roundsman:theme', themed);
      questions.end();
      drawn.traces.leave();
      closeDeeds();
    },
  };
}
