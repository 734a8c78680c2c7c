// How Roundsman itself is: readiness, lateness, queue, spool, store.

import { h, fill, state } from './dom.js';
import { bytes, count, length, micros, moment, UNKNOWN } from './format.js';
import { get } from './api.js';

const EVERY = 5000;

export function server() {
  const place = h('div', {});
  const element = h('div', {}, h('div', { class: 'card' }, h('h1', {}, 'Roundsman itself')), place);
  const facts = (title, pairs) => h('section', { class: 'card' }, h('h2', {}, title), h('dl', { class: 'facts' }, pairs.map(([key, value]) => h('div', {}, h('dt', {}, key), h('dd', {}, value ?? UNKNOWN)))));
  async function load() {
    try {
      const said = await get('/api/v1/server');
      const { writer, store, polling } = said;
      fill(place,
        h('section', { class: 'card' }, h('p', {}, state(said.ready ? 'up' : 'down'), said.ready ? ' It does its work.' : ' It does not do its work:'),
          h('ul', {}, said.reasons.concat(said.warnings).map((words) => h('li', {}, words)))),
        facts('Polling', [['Started', moment(said.started_ms)], ['Last round', said.last_round_ms ? moment(said.last_round_ms) : null], ['Polls made', count(polling.polls)], ['In flight', count(polling.in_flight)], ['Slots missed', count(polling.missed_slots)], ['Late, half of the last polls at most', micros(polling.late_p50_us)], ['Late, 99 of 100 at most', micros(polling.late_p99_us)]]),
        facts('Writing', [['Rows kept', count(writer.written)], ['Rows waiting', count(writer.depth)], ['Rows lost', count(writer.dropped + writer.rejected + writer.conflicting)], ['Writes failed', count(writer.failed_batches)], ['Failing since', writer.failing_since ? moment(writer.failing_since) : 'not failing'], ['Last error', writer.last_error], ['Spooled rows', count(writer.spool_rows ?? null)], ['Spool', bytes(writer.spool_bytes ?? null)]]),
        store ? facts('Store', [['Where', store.location], ['Schema', store.schema], ['Size', bytes(store.bytes)], ['Polls', count(store.polls)], ['Changes of state', count(store.events)], ['Oldest poll', store.oldest_poll ? moment(store.oldest_poll) : null], ['Newest poll', store.newest_poll ? `${length(Date.now() - store.newest_poll)} ago` : null]]) : facts('Store', [['Error', said.store_error]]));
    } catch (error) {
      fill(place, h('p', { class: 'none' }, error.message));
    }
  }
  load();
  const timer = setInterval(load, EVERY);
  return { element, leave: () => clearInterval(timer) };
}
