// What is wrong with a host, at the head of its page: one banner for its state, and one for each alarm that fires.

import { arrange, glyph, h, link, renew } from './dom.js';
import { get } from './api.js';
import { acknowledge, closeDeeds, silence, takeBack } from './deeds.js';
import { length, measured, moment, sentence, shortMoment, told } from './format.js';
import { t, tn } from './i18n.js';
import { latest } from './latest.js';
import { SEVERITIES } from './live.js';
import { at as addressOf } from './place.js';
import { isPressed } from './press.js';
import { ANSWERED, fault, ruleWords, silencedWords, summaryOf, without } from './words.js';

/** Alarms that have a banner; the others are on the page of alerts. */
const MOST = 3;
/** How alarms look: as the states that are as grave. */
const LOOK = { critical: 'down', warning: 'degraded', info: 'pending' };
/** States of a host that want a person. */
const WRONG = ['down', 'suspect', 'degraded'];

const keyOf = ({ rule, row }) => JSON.stringify([rule, row]);
const dots = (...words) => words.filter(Boolean).join(' · ');

/** What an alarm says: what was told of it, or its value and its limit. */
function headOf(alarm) {
  // What is told elsewhere begins with the host, which this page is of; that of a rule without words is its name.
  const words = summaryOf(alarm);
  if (words && !words.startsWith(`${alarm.rule},`)) return sentence(words);
  const value = alarm.value === null ? '' : t(' is {value}', { value: measured(alarm.value, alarm.unit) });
  const limit =
    alarm.threshold === null ? '' : t(', limit {limit}', { limit: measured(alarm.threshold, alarm.unit) });
  return `${ruleWords(alarm)}${value}${limit}`;
}

/** Who has it in hand, and what keeps it from being told. */
function handOf(alarm, silences) {
  const acked = alarm.acked_by
    ? [t('acknowledged by {who}', { who: alarm.acked_by }), alarm.ack_note].filter(Boolean).join(t(': '))
    : '';
  const quiet = (alarm.silenced_by ?? []).map((id) => {
    const one = silences.get(id);
    return one ? silencedWords(one) : t('silenced');
  });
  return dots(acked, ...quiet);
}

const evidenceOf = (alarm, silences) => {
  const fired = alarm.fired_ms ?? alarm.since_ms;
  const now = alarm.value === null ? '' : t('now {value}', { value: measured(alarm.value, alarm.unit) });
  const stands = { clearing: t('it seems over'), unknown: t('its values are missing') }[alarm.state];
  const since = t('for {length}, since {time}', {
    length: length(Date.now() - fired),
    time: shortMoment(fired),
  });
  return dots(
    t('rule {rule}', { rule: [alarm.rule, alarm.row].filter(Boolean).join(' ') }),
    alarm.when,
    now,
    since,
    stands,
    handOf(alarm, silences),
  );
};

/** A banner; its buttons act on what it shows now. */
function banner(buttons) {
  const [sign, head, more] = [h('span', { class: 'sign' }), h('h2', {}), h('p', {})];
  const element = h(
    'section',
    { class: 'cause' },
    sign,
    h('div', { class: 'words' }, head, more),
    h('div', { class: 'row' }, buttons),
  );
  return {
    element,
    show(look, isHandled, words, evidence) {
      element.className = `cause ${look}${isHandled ? ' handled' : ''}`;
      renew(sign, glyph(look));
      renew(head, words);
      renew(more, evidence);
      more.hidden = evidence.length === 0 || evidence === '';
    },
  };
}

/** The banner of an alarm. */
function ofAlarm(first, done, wrong) {
  const shown = { alarm: first };
  const deed = (words, act) =>
    h('button', { type: 'button', class: 'btn', onclick: () => act(shown.alarm, done) }, words);
  const ack = deed(t('Acknowledge'), acknowledge);
  const back = () => takeBack(shown.alarm).then(done, (error) => wrong(error.message));
  const unack = h('button', { type: 'button', class: 'btn', onclick: back }, t('Take back'));
  const one = banner([ack, unack, deed(t('Silence…'), silence)]);
  return {
    element: one.element,
    /** `state` is what is said of the host's own state, where the alarm is about that. */
    show(alarm, silences, state) {
      shown.alarm = alarm;
      const isHandled = Boolean(alarm.acked_by || alarm.silenced_by?.length);
      const runbook = alarm.runbook
        ? [' · ', h('a', { href: alarm.runbook, target: '_blank', rel: 'noreferrer' }, t('What to do'))]
        : [];
      const evidence = [dots(state?.more, evidenceOf(alarm, silences)), ...runbook];
      one.show(LOOK[alarm.severity], isHandled, state?.head ?? headOf(alarm), evidence);
      ack.hidden = Boolean(alarm.acked_by);
      unack.hidden = !alarm.acked_by;
    },
  };
}

/** What the server says, with the moments of today as times. */
const lately = (words) => told(words).replaceAll(`${moment(Date.now()).split(' ')[0]} `, '');

/** What is wrong by the host's own state: its cause, then how it came to it. */
function wordsOf({ cause, reason, state, last, last_good_at_ms: good }) {
  const isBad = last?.error && !ANSWERED.includes(last.outcome);
  const full = cause ?? (isBad ? last.error : null);
  const head = full === null ? null : without(full, last?.address);
  const since = good ? t('last answer {time}', { time: shortMoment(good) }) : t('it has never answered');
  // The reason has the cause within it, which stands above.
  const rest = lately(reason.replace(`: ${full}.`, '.').replace(`: ${full}`, ''));
  const more = [head === null ? null : rest, state === 'degraded' ? null : since];
  if (head === null) return { head: sentence(lately(reason)), more: dots(...more) };
  return { head: isBad ? fault(last.outcome, head) : sentence(lately(head)), more: dots(...more) };
}

/** Whether an alarm is about the state of its host, and not about a value. */
const isOfState = ({ column, row, when }) => !column && !row && /\bstate\b|\bcause\b/.test(when ?? '');

/** The alarms of a host that fire, gravest first, and the silences in force by their id. */
async function read(name) {
  const [{ alarms }, { silences }] = await Promise.all([
    get('api/v1/alerts', { host: name, firing: true }),
    // Alarms are shown also while it is not known what silences them.
    get('api/v1/silences').catch(() => ({ silences: [] })),
  ]);
  const rank = ({ severity }) => SEVERITIES.indexOf(severity);
  alarms.sort((a, b) => rank(a) - rank(b));
  return { alarms, silences: new Map(silences.map((one) => [one.id, one])) };
}

/** The banners of a host. `heard(alarms)` is called with the alarms that fire. */
export function causes(name, heard) {
  const questions = latest();
  const trouble = h('p', { class: 'wrong', role: 'alert' });
  const wrong = (words) => {
    trouble.textContent = words;
  };
  const element = h('div', { class: 'causes', role: 'group', 'aria-label': t('What is wrong') });
  const more = h('p', { class: 'more' });
  const quiet = () => silence({ host: name }, () => load());
  const own = banner([h('button', { type: 'button', class: 'btn', onclick: quiet }, t('Silence…'))]);
  const shown = { host: null, alarms: [], silences: new Map(), banners: new Map(), at: 0 };

  function put() {
    if (isPressed(put)) return;
    const { host, alarms, silences, banners } = shown;
    const seen = alarms.slice(0, MOST);
    const made = seen.map((alarm) => [
      keyOf(alarm),
      banners.get(keyOf(alarm)) ?? ofAlarm(alarm, load, wrong),
    ]);
    shown.banners = new Map(made);
    const state = host && WRONG.includes(host.state) ? wordsOf(host) : null;
    // One banner for the state: that of the alarm that is about it, where there is one.
    const ofState = seen.find(isOfState);
    made.forEach(([, one], at) => one.show(seen[at], silences, seen[at] === ofState ? state : null));
    const isOwn = state && !ofState;
    if (isOwn) own.show(host.state, false, state.head, state.more);
    const rest = alarms.length - seen.length;
    renew(
      more,
      rest > 0
        ? link(
            addressOf(`alerts?host=${encodeURIComponent(name)}`),
            tn(rest, '{n} more fires', '{n} more fire'),
          )
        : null,
    );
    arrange(element, [
      ...(isOwn ? [own.element] : []),
      ...made.map(([, one]) => one.element),
      ...(rest > 0 ? [more] : []),
      trouble,
    ]);
  }
  async function load() {
    shown.at = Date.now();
    const isWanted = questions.ask();
    try {
      const { alarms, silences } = await read(name);
      if (!isWanted()) return;
      wrong('');
      Object.assign(shown, { alarms, silences });
      put();
      heard(alarms);
    } catch (error) {
      if (isWanted()) wrong(error.message);
    }
  }
  return {
    element,
    load,
    /** How long ago it was asked for, ms. */
    age: () => Date.now() - shown.at,
    /** Shows what is wrong by the host's own state. */
    show(host) {
      shown.host = host;
      put();
    },
    leave() {
      questions.end();
      closeDeeds();
    },
  };
}
