// Which hosts need a person, why, and which of them have one cause in common. Pure.

import { clock, NATURAL, sentence, told } from './format.js';
import { t, tn } from './i18n.js';
import { grouped } from './sums.js';
import { causeOf, ANSWERED, faultOf } from './words.js';

/** What needs a person, gravest first. A severity is one of an alarm of a host that is otherwise well. */
const RANK = ['down', 'critical', 'suspect', 'degraded', 'warning'];
const STATES = ['down', 'suspect', 'degraded'];
/** From so many hosts on they are shown by cause. */
export const MANY = 10;
/** A label is a cause in itself when so many have it, and of all hosts that have it this share is in trouble. */
const ALIKE = 3;
const MOSTLY = 0.8;
/** What begins so close together begins at once, ms. */
const AT_ONCE = 60_000;

const grave = (alarms) => alarms.filter(({ severity }) => severity !== 'info');

/** What an alarm says of its host, without the host's name, which stands beside it. */
export function alarmWords({ summary, rule, host }) {
  const words = told(summary ?? rule);
  const rest = words.startsWith(host) ? words.slice(host.length).replace(/^[:：\s]+(is )?/, '') : words;
  return sentence(rest || rule);
}

/** Since when a host does not answer, and what else is known of it. */
function evidence(host, alarms, silences) {
  const parts = [];
  if (host.state === 'down' || host.state === 'suspect')
    parts.push(
      host.good_slot_ms ? t('Last answer {time}', { time: clock(host.good_slot_ms) }) : t('Never answered'),
    );
  if (host.unreachable_because)
    parts.push(t('behind {host}, which fails', { host: host.unreachable_because }));
  if (host.flapping) parts.push(t('flapping'));
  const rules = [...new Set(alarms.map(({ rule }) => rule))];
  const some = [...rules.slice(0, 2), ...(rules.length > 2 ? ['…'] : [])].join(t(', '));
  if (some) parts.push(t('{rules} firing', { rules: some }));
  const acked = alarms.find((alarm) => alarm.acked_by);
  if (acked) parts.push(t('acknowledged by {who}', { who: acked.acked_by }));
  const silence = silences.get(alarms.flatMap((alarm) => alarm.silenced_by ?? [])[0]);
  if (silence)
    parts.push(t('silenced until {time} ({why})', { time: clock(silence.until_ms), why: silence.why }));
  return parts.join(' · ');
}

/** A host that needs a person; null of one that does not. `alarms` are those of its that fire. */
export function entryOf(host, alarms = [], silences = new Map()) {
  const own = grave(alarms);
  const worst = own.find(({ severity }) => severity === 'critical') ?? own[0];
  const isState = STATES.includes(host.state);
  if (!isState && !(host.state === 'up' && host.alarms_firing && host.alarm_severity !== 'info')) return null;
  const isSilenced = alarms.length > 0 && alarms.every((alarm) => alarm.silenced_by?.length);
  const [kind, since] = isState
    ? [host.state, host.since_ms]
    : [host.alarm_severity, worst?.fired_ms ?? worst?.since_ms ?? null];
  let words = faultOf(host);
  if (host.state === 'degraded') words = sentence(told(causeOf(host) || t('The answer is partial')));
  if (!isState) words = worst ? alarmWords(worst) : tn(host.alarms_firing, '{n} alarm', '{n} alarms');
  const about = evidence(host, isState ? alarms : [], silences);
  const more = !isState && worst ? [worst.rule, worst.when].filter(Boolean).join(': ') : about;
  const key =
    host.state === 'degraded' || !isState
      ? (worst?.rule ?? words.replace(/[\d.]+/g, '#'))
      : ANSWERED.includes(host.outcome)
        ? 'again'
        : host.outcome;
  return {
    host,
    kind,
    since,
    words,
    more,
    key: `${kind} ${key}`,
    isSilenced,
    isAcked: own.some((a) => a.acked_by),
  };
}

function order(a, b) {
  return (
    a.isSilenced - b.isSilenced ||
    RANK.indexOf(a.kind) - RANK.indexOf(b.kind) ||
    (a.since ?? Infinity) - (b.since ?? Infinity) ||
    NATURAL.compare(a.host.name, b.host.name)
  );
}

/** All hosts that need a person, gravest first; those that are silenced are last. */
export const troubled = (hosts, alarms = new Map(), silences = new Map()) =>
  hosts
    .map((host) => entryOf(host, alarms.get(host.name), silences))
    .filter(Boolean)
    .sort(order);

const pairsOf = ({ labels }) => Object.entries(labels).map(([key, value]) => `${key}=${value}`);

function tally(hosts) {
  const counts = new Map();
  for (const host of hosts) for (const pair of pairsOf(host)) counts.set(pair, (counts.get(pair) ?? 0) + 1);
  return counts;
}

/** The label that explains most of these, or none. */
function commonOf(members, all) {
  const best = [...tally(members.map(({ host }) => host))]
    .filter(([pair, count]) => count >= ALIKE && count / all.get(pair) >= MOSTLY)
    .sort(([, a], [, b]) => b - a);
  return best[0]?.[0];
}

/** The words for hosts of one cause whose own words differ: the rule, or those of the first. */
const alike = ({ kind, more }, words) => {
  if (kind === 'critical' || kind === 'warning') return more;
  return /\d/.test(words) && kind === 'degraded' ? t('{words}, or alike', { words }) : words;
};

/** What a group of one cause says: whom it has, what they share, when it began. */
function groupOf(members, label) {
  const [first] = members;
  const begins = members.map(({ since }) => since).filter(Boolean);
  const names = members.map(({ host }) => host.name).sort(NATURAL.compare);
  const isAtOnce = begins.length > 1 && Math.max(...begins) - Math.min(...begins) <= AT_ONCE;
  const some = names.length > 4 ? `${names[0]} … ${names.at(-1)}` : names.join(t(', '));
  const groups = [...new Set(members.map(({ host }) => host.group).filter(Boolean))];
  const isOne = members.length === 1;
  const addressed = isOne ? first.words : first.words.replace(/ on \S+:(\d+)$/, ' on port $1');
  return {
    ...first,
    members,
    groups,
    id: `${first.key} ${label ?? ''}`,
    words: isOne || members.every(({ words }) => words === first.words) ? addressed : alike(first, addressed),
    since: begins.length ? Math.min(...begins) : null,
    more: isOne
      ? `${some} · ${first.more}`
      : [some, label && t('all {label}', { label }), isAtOnce && t('within one minute of each other')]
          .filter(Boolean)
          .join(' · '),
  };
}

/** The same by their causes: outcome or rule, and a label when nearly all that have it are in trouble. */
export function byCause(entries, hosts) {
  const all = tally(hosts);
  const buckets = grouped(entries, ({ key, isSilenced }) => `${isSilenced} ${key}`);
  const groups = [];
  for (let rest of buckets.values()) {
    for (let label = commonOf(rest, all); label; label = commonOf(rest, all)) {
      const has = ({ host }) => pairsOf(host).includes(label);
      groups.push(groupOf(rest.filter(has), label));
      rest = rest.filter((entry) => !has(entry));
    }
    if (rest.length) groups.push(groupOf(rest));
  }
  return groups.sort(
    (a, b) =>
      a.isSilenced - b.isSilenced ||
      RANK.indexOf(a.kind) - RANK.indexOf(b.kind) ||
      b.members.length - a.members.length ||
      (a.since ?? 0) - (b.since ?? 0),
  );
}

/** Parts of the last hour, and what state a host was in during each: the worst, or null where that is not known. */
const TICKS = 30;
const HOUR = 36e5;
const WORST = ['down', 'suspect', 'degraded', 'paused', 'up', 'pending'];

/** `events` are its changes of state within the hour, oldest first; `known` since when all changes are there. */
export function ticks({ host, kind, since }, events, now, known = 0) {
  const begin = now - HOUR;
  const marks = events.map((event) => ({ at: event.at_ms, state: event.to }));
  if (!events.length && host.since_ms > begin) marks.push({ at: host.since_ms, state: host.state });
  const before = events[0]?.from ?? (host.since_ms <= begin ? host.state : null);
  // An alarm of a host that is up is as good as a state of it.
  const alarm = kind === 'critical' ? 'down' : kind === 'warning' ? 'degraded' : null;
  return Array.from({ length: TICKS }, (_, tick) => {
    const from = begin + (tick * HOUR) / TICKS;
    const to = from + HOUR / TICKS;
    if (to < known) return null;
    const held = [before, ...marks.filter((mark) => mark.at <= from).map((mark) => mark.state)].at(-1);
    const during = marks.filter((mark) => mark.at > from && mark.at <= to).map((mark) => mark.state);
    const worst = WORST.find((state) => held === state || during.includes(state)) ?? null;
    return alarm && since && to > since ? alarm : worst;
  });
}
