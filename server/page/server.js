// How Roundsman itself is: readiness, lateness, queue, spool, store.

import { h, fill } from './dom.js';
import { bytes, count, length, micros, moment, UNKNOWN } from './format.js';
import { get } from './api.js';

const EVERY = 5000;

export function server(live) {
  const place = h('div', {});
  const element = h('div', {}, h('div', { class: 'card' }, h('h1', {}, 'Roundsman itself')), place);
  const facts = (title, pairs) => h('section', { class: 'card' }, h('h2', {}, title), h('dl', { class: 'facts' }, pairs.map(([key, value]) => h('div', {}, h('dt', {}, key), h('dd', {}, value ?? UNKNOWN)))));
  async function load() {
    try {
      const said = await get('/api/v1/server');
      const { writer, store, polling } = said;
      fill(place,
        h('section', { class: 'card' }, h('p', {}, h('span', { class: `dot ${said.ready ? 'up' : 'down'}`, 'aria-hidden': 'true' }), said.ready ? 'It does its work.' : 'It does not do its work:'),
          said.reasons.length + said.warnings.length ? h('ul', {}, said.reasons.concat(said.warnings).map((words) => h('li', {}, words))) : null),
        facts('Polling', [['Started', moment(said.started_ms)], ['Last round', said.last_round_ms ? moment(said.last_round_ms) : null], ['Polls made', count(polling.polls)], ['In flight', count(polling.in_flight)], ['Hosts', count(live.hosts.size)], ['Slots missed', count(polling.missed_slots)], ['Late, half of the last polls at most', micros(polling.late_p50_us)], ['Late, 99 of 100 at most', micros(polling.late_p99_us)]]),
        writer ? facts('Writing', [['Rows kept', count(writer.written)], ['Rows waiting in memory', count(writer.depth)], ['Rows lost', count(writer.dropped + writer.rejected + writer.conflicting + writer.evicted)], ['Writes failed', count(writer.failed_batches)], ['Failing since', writer.failing_since ? moment(writer.failing_since) : 'not failing'], ['Last error', writer.last_error ?? 'none'], ['Last success', writer.last_success ? `${length(Date.now() - writer.last_success)} ago` : 'none']]) : null,
        writer?.spool ? facts('Spool', [['Rows', count(writer.spool.polls + writer.spool.others)], ['Size', `${bytes(writer.spool.bytes)} of ${bytes(writer.spool.max_bytes)}`], ['Oldest', writer.spool.oldest ? moment(writer.spool.oldest) : 'none'], ['Put there', count(writer.spooled)], ['Taken from it', count(writer.replayed)], ['Error', writer.spool_error ?? 'none']]) : null,
        store ? facts('Store', [['Where', store.location], ['Schema', store.schema], ['Size', bytes(store.bytes)], ['Hosts', count(store.hosts)], ['Polls', count(store.polls)], ['Changes of state', count(store.events)], ['Oldest poll', store.oldest_poll ? moment(store.oldest_poll) : null], ['Newest poll', store.newest_poll ? `${length(Date.now() - store.newest_poll)} ago` : null]]) : facts('Store', [['Error', said.store_error]]));
    } catch (error) {
      fill(place, h('p', { class: 'none' }, error.message));
    }
  }
  load();
  const timer = setInterval(load, EVERY);
  return { element, leave: () => clearInterval(timer) };
}
