// The words for what comes out of polls.

import { sentence, shortMoment, told } from './format.js';
import { t, term } from './i18n.js';

const OUTCOMES = {
  ok: 'Ok',
  too_large: 'Answer too large',
  wrong_host: 'Another machine',
  local: 'Not polled',
};

const english = (outcome) => OUTCOMES[outcome] ?? sentence(outcome.replaceAll('_', ' '));

/** A poll's outcome in words. */
export const outcomeWords = (outcome) => term('outcome', outcome, english(outcome));

/** The same within a sentence. */
export const outcomeWithin = (outcome) => term('outcome', outcome, english(outcome).toLowerCase());

/** What made a host what it is, or marked it. */
export const causeWords = (cause) =>
  term('cause', cause, cause === 'settled' ? 'not flapping any more' : cause.replaceAll('_', ' '));

/** What an alarm is about: its rule, and the row that it is of. */
export const ruleWords = ({ rule, row }) => (row ? t('{rule} of {row}', { rule, row }) : rule);

/** What is told of an alarm, without the host that it begins with. */
export function summaryOf({ summary, host }) {
  const words = told(summary ?? '');
  return [': ', '：'].some((sign) => words.startsWith(host + sign))
    ? words.slice(host.length).replace(/^[:：] ?/, '')
    : words;
}

/** Until when a silence is in force, by whom and why. */
export const silencedWords = ({ until_ms: until, who, why }) =>
  t('silenced until {time} by {who}: {why}', { time: shortMoment(until), who, why });

/** Why a poll failed: how it ended, and what happened. */
export function fault(outcome, error) {
  const words = told(error ?? '');
  if (!outcome) return sentence(words);
  const head = outcomeWords(outcome);
  if (!words || words.toLowerCase() === head.toLowerCase()) return head;
  return t('{head}: {words}', { head, words });
}

/** How polls end that bring values. */
export const ANSWERED = ['ok', 'partial'];

/** What went wrong, without the address of the host that it is said of: that stands beside its name. */
export const without = (words, address) =>
  address && words.startsWith(`${address}: `) ? words.slice(address.length + 2) : words;

/** Why a host is what it is, or how its last poll ended; empty where nothing is wrong. */
export const causeOf = ({ cause, error, address }) => without(cause ?? error ?? '', address);

/** What is wrong with a host that does not answer, or that has only just begun to again. */
export const faultOf = (host) =>
  ANSWERED.includes(host.outcome)
    ? t('Answers again, and is up after some more good polls')
    : fault(host.outcome, causeOf(host));
