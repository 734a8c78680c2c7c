// How Roundsman itself is: readiness, lateness, queue, spool, store.

import { h, fill } from './dom.js';
import { bytes, count, length, micros, moment, percent, UNKNOWN } from './format.js';
import { get } from './api.js';

const EVERY = 5000;

/** How it is: a warning is no green light. */
const grave = (said) => (!said.ready ? 'down' : said.warnings.length ? 'degraded' : 'up');
const VERDICTS = {
  up: 'It does its work.',
  degraded: 'It does its work, but:',
  down: 'It does not do its work:',
};

export function server(live) {
  const place = h('div', {});
  const element = h('div', {}, h('h1', {}, 'Roundsman itself'), place);
  const facts = (title, pairs) =>
    h(
      'section',
      { class: 'card' },
      h('h2', {}, title),
      h(
        'dl',
        { class: 'facts' },
        pairs.map(([key, value]) => h('div', {}, h('dt', {}, key), h('dd', {}, value ?? UNKNOWN))),
      ),
    );
  /** What was said before, and when: what happens a second is what came since. */
  let before = null;
  async function load() {
    try {
      const said = await get('api/v1/server');
      const { writer, store, polling } = said;
      const now = { at: Date.now(), polls: polling.polls, cpu: polling.cpu_us };
      const since = before ?? { at: said.started_ms, polls: 0, cpu: 0 };
      before = now;
      const polls = now.polls - since.polls;
      const seconds = (now.at - since.at) / 1000;
      const cost = polls > 0 ? (now.cpu - since.cpu) / polls : null;
      fill(
        place,
        h(
          'section',
          { class: 'card' },
          h(
            'p',
            {},
            h('span', { class: `dot ${grave(said)}`, 'aria-hidden': 'true' }),
            VERDICTS[grave(said)],
          ),
          said.reasons.length + said.warnings.length
            ? h(
                'ul',
                {},
                said.reasons.concat(said.warnings).map((words) => h('li', {}, words)),
              )
            : null,
        ),
        facts('Polling', [
          ['Started', moment(said.started_ms)],
          ['Last round', said.last_round_ms ? moment(said.last_round_ms) : null],
          ['Polls made', count(polling.polls)],
          ['Polls a second', seconds > 0 ? count(polls / seconds) : null],
          ['CPU per poll, all threads', micros(cost)],
          ['CPU, of one processor', seconds > 0 ? percent((now.cpu - since.cpu) / seconds / 1e4) : null],
          ['In flight', count(polling.in_flight)],
          ['Hosts', live.at ? count(live.hosts.size) : null],
          ['Slots missed', count(polling.missed_slots)],
          ['Lateness, median', micros(polling.late_p50_us)],
          ['Lateness, 99 of 100', micros(polling.late_p99_us)],
        ]),
        writer
          ? facts('Writing', [
              ['Rows kept', count(writer.written)],
              ['Rows waiting in memory', count(writer.depth)],
              ['Rows lost', count(writer.dropped + writer.rejected + writer.conflicting + writer.evicted)],
              ['Writes failed', count(writer.failed_batches)],
              ['Failing since', writer.failing_since ? moment(writer.failing_since) : 'not failing'],
              ['Last error', writer.last_error ?? 'none'],
              [
                'Last success',
                writer.last_success ? `${length(Date.now() - writer.last_success)} ago` : 'none',
              ],
            ])
          : null,
        writer?.spool
          ? facts('Spool', [
              ['Rows', count(writer.spool.polls + writer.spool.others)],
              ['Size', `${bytes(writer.spool.bytes)} of ${bytes(writer.spool.max_bytes)}`],
              ['Oldest', writer.spool.oldest ? moment(writer.spool.oldest) : 'none'],
              ['Put there', count(writer.spooled)],
              ['Taken from it', count(writer.replayed)],
              ['Error', writer.spool_error ?? 'none'],
            ])
          : null,
        store
          ? facts('Store', [
              ['Where', store.location],
              ['Schema', store.schema],
              ['Size', bytes(store.bytes)],
              ['Hosts', count(store.hosts)],
              ['Polls', count(store.polls)],
              ['Changes of state', count(store.events)],
              ['Oldest poll', store.oldest_poll ? moment(store.oldest_poll) : null],
              ['Newest poll', store.newest_poll ? `${length(Date.now() - store.newest_poll)} ago` : null],
            ])
          : facts('Store', [['Error', said.store_error]]),
      );
    } catch (error) {
      fill(place, h('p', { class: 'none' }, error.message));
    }
  }
  load();
  const timer = setInterval(load, EVERY);
  return { element, leave: () => clearInterval(timer) };
}
