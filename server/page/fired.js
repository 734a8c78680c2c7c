// The rules that compare columns of a host's charts: where their thresholds are, and when they fired.

import { get } from './api.js';
import { latest } from './latest.js';

/** How often the rules are asked for again, ms; and changes of alarms that are read. */
const RULES_EVERY = 60_000;
const CHANGES = 1000;
/** What the charts need of a rule. */
const FIELDS = 'name,severity,when,column,threshold,critical_threshold';

const ACTIVE = ['firing', 'clearing', 'unknown'];
const isActive = (state) => ACTIVE.includes(state);

/**
 * When alarms fired in a span, as begin, end and severity: from their `changes` since its begin, newest first, and from
 * those that fire now, which may not have changed since then.
 */
export function stretches(changes, now, from, to) {
  const found = [];
  const open = new Map();
  const keyOf = ({ rule, row }) => JSON.stringify([rule, row]);
  const seen = new Set();
  const add = (begin, end, { rule, severity }) => {
    if (begin < to && end > from)
      found.push({ begin: Math.max(begin, from), end: Math.min(end, to), rule, severity });
  };
  for (const change of changes.toReversed()) {
    const key = keyOf(change);
    if (!seen.has(key) && isActive(change.from)) open.set(key, from);
    seen.add(key);
    const began = open.get(key);
    if (began === undefined) {
      if (isActive(change.to)) open.set(key, change.slot_ms);
    } else if (!isActive(change.to)) {
      add(began, change.slot_ms, change);
      open.delete(key);
    }
  }
  for (const alarm of now) {
    const begin = open.get(keyOf(alarm)) ?? alarm.fired_ms ?? alarm.since_ms;
    // What is over by now is not in force any more, whatever it was when the changes were read.
    if (open.has(keyOf(alarm)) || !seen.has(keyOf(alarm))) add(begin, to, alarm);
  }
  return found;
}

/** The rules of a host by the columns that they compare, each with where its lines are and when it fired. */
export function fired(name) {
  const questions = latest();
  let rules = null;
  let learnt = 0;

  async function learn() {
    if (Date.now() - learnt < RULES_EVERY) return;
    const page = await get('api/v1/alert_rules', { host: name, fields: FIELDS });
    rules = page.rules.filter(({ column }) => column);
    learnt = Date.now();
  }
  /** What there is of a span; null when it was outrun, or there is nothing to be learnt. */
  async function load(from, to) {
    const isWanted = questions.ask(JSON.stringify([from, to]));
    try {
      await learn();
      if (rules.length === 0) return isWanted() ? new Map() : null;
      const asked = { host: name, from, limit: CHANGES };
      const [{ events }, { alarms }] = await Promise.all([
        get('api/v1/alert_events', asked),
        get('api/v1/alerts', { host: name, firing: true }),
      ]);
      if (!isWanted()) return null;
      const all = stretches(events, alarms, from, to);
      const byColumn = new Map();
      for (const rule of rules) {
        const lines = [rule.threshold, rule.critical_threshold].filter((line) => line !== null);
        const one = { ...rule, lines, fired: all.filter((stretch) => stretch.rule === rule.name) };
        byColumn.set(rule.column, [...(byColumn.get(rule.column) ?? []), one]);
      }
      return byColumn;
    } catch {
      // The charts are as good without: what is wrong is told beside them.
      return null;
    }
  }
  return { load, leave: () => questions.end() };
}
