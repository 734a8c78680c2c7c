// The words for what comes out of polls.

import { sentence, told } from './format.js';

const OUTCOMES = {
  ok: 'Ok',
  too_large: 'Answer too large',
  wrong_host: 'Another machine',
  local: 'Not polled',
};

/** A poll's outcome in words. */
export const outcomeWords = (outcome) => OUTCOMES[outcome] ?? sentence(outcome.replaceAll('_', ' '));

/** Why a poll failed: how it ended, and what happened. */
export function fault(outcome, error) {
  const words = told(error ?? '');
  if (!outcome) return sentence(words);
  const head = outcomeWords(outcome);
  if (!words || words.toLowerCase() === head.toLowerCase()) return head;
  return `${head}: ${words}`;
}

/** How polls end that bring values. */
export const ANSWERED = ['ok', 'partial'];

/** What is wrong with a host that does not answer, or that has only just begun to again. */
export function faultOf({ outcome, cause, error, address }) {
  if (ANSWERED.includes(outcome)) return 'Answers again, and is up after some more good polls';
  const words = cause ?? error ?? '';
  // Its address stands beside its name.
  return fault(outcome, words.startsWith(`${address}: `) ? words.slice(address.length + 2) : words);
}

/** How many there are of what. */
export const counted = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;
