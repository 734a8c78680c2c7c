// How Roundsman itself is: readiness, lateness, queue, spool, store.

import { facts, glyph, h, renew, SERVER, state, titles } from './dom.js';
import { bytes, count, length, micros, moment, percent, told, UNKNOWN } from './format.js';
import { get } from './api.js';
import { audit } from './audit.js';
import { firing } from './firing.js';
import { t } from './i18n.js';
import { latest } from './latest.js';

const EVERY = 5000;

/** How it is: a warning is no green light. */
const grave = (said) => (!said.ready ? 'down' : said.warnings.length ? 'degraded' : 'up');
const VERDICTS = {
  up: t('Healthy'),
  degraded: t('Healthy, with warnings'),
  down: t('Not healthy'),
};

const section = (title, ...inside) =>
  h('section', { class: 'card' }, h('header', {}, h('h2', {}, title)), h('div', { class: 'pad' }, inside));

/** A card of facts; one that is not known is a dash. */
function card(title, pairs) {
  const known = Object.entries(pairs).map(([key, value]) => [key, value ?? UNKNOWN]);
  return section(title, facts(known));
}

function verdict(said) {
  const causes = [...said.reasons, ...said.warnings].map((words) => h('li', {}, told(words)));
  const list = causes.length ? h('ul', {}, causes) : null;
  return h(
    'section',
    { class: `card verdict ${grave(said)}` },
    h('p', {}, state(grave(said), VERDICTS[grave(said)])),
    list,
  );
}

const when = (ms, never = null) => (ms ? moment(ms) : never);
const ago = (ms, never = null) => (ms ? t('{length} ago', { length: length(Date.now() - ms) }) : never);

/** `since` is what was said before, and when: what happens a second is what came since. */
function polling(said, now, since, hosts) {
  const { polling: made } = said;
  const polls = now.polls - since.polls;
  const seconds = (now.at - since.at) / 1000;
  const cpu = now.cpu - since.cpu;
  return card(t('Polling'), {
    [t('Started')]: moment(said.started_ms),
    [t('Last round')]: when(said.last_round_ms),
    [t('Polls made')]: count(made.polls),
    [t('Polls a second')]: seconds > 0 ? count(polls / seconds) : null,
    [t('CPU per poll, all threads')]: micros(polls > 0 ? cpu / polls : null),
    [t('CPU, of one processor')]: seconds > 0 ? percent(cpu / seconds / 1e4) : null,
    [t('In flight')]: count(made.in_flight),
    [t('Hosts')]: hosts,
    [t('Slots missed')]: count(made.missed_slots),
    [t('Lateness, median')]: micros(made.late_p50_us),
    [t('Lateness, 99 of 100')]: micros(made.late_p99_us),
  });
}

const writing = (writer) =>
  card(t('Writing'), {
    [t('Rows kept')]: count(writer.written),
    [t('Rows waiting in memory')]: count(writer.depth),
    [t('Rows lost')]: count(writer.dropped + writer.rejected + writer.conflicting + writer.evicted),
    [t('Writes failed')]: count(writer.failed_batches),
    [t('Failing since')]: when(writer.failing_since, t('not failing')),
    [t('Last error')]: writer.last_error ?? t('none'),
    [t('Last success')]: ago(writer.last_success, t('none')),
  });

const spooling = (writer) =>
  card(t('Spool'), {
    [t('Rows')]: count(writer.spool.polls + writer.spool.others),
    [t('Size')]: t('{n} of {all}', { n: bytes(writer.spool.bytes), all: bytes(writer.spool.max_bytes) }),
    [t('Oldest')]: when(writer.spool.oldest, t('none')),
    [t('Put there')]: count(writer.spooled),
    [t('Taken from it')]: count(writer.replayed),
    [t('Error')]: writer.spool_error ?? t('none'),
  });

const channelRow = (one) =>
  h(
    'tr',
    {},
    h('td', {}, glyph(one.last_error ? 'degraded' : 'up'), ` ${one.name}`),
    h(
      'td',
      {},
      one.failing_since_ms ? t('fails since {time}', { time: moment(one.failing_since_ms) }) : t('ok'),
    ),
    [one.sent, one.failed, one.waiting].map((value) => h('td', { class: 'num' }, count(value))),
    h('td', {}, when(one.oldest_ms, t('none'))),
    h('td', { class: 'words' }, one.last_error ?? t('none')),
  );

/** How the channels do through which alarms are told. */
function telling(channels) {
  if (channels.length === 0) return null;
  const numbers = [t('Sent'), t('Failed'), t('Waiting')].map((words) => `#${words}`);
  const columns = [t('Channel'), t('State'), ...numbers, t('Oldest'), t('Last error')];
  const table = h('table', {}, titles(columns), h('tbody', {}, channels.map(channelRow)));
  const region = { class: 'wide', tabIndex: 0, role: 'region', 'aria-label': t('Channels') };
  return h(
    'section',
    { class: 'card' },
    h('header', {}, h('h2', {}, t('Channels'))),
    h('div', region, table),
  );
}

const storing = (store) =>
  card(t('Store'), {
    [t('Where')]: store.location,
    [t('Schema')]: store.schema,
    [t('Size')]: bytes(store.bytes),
    [t('Hosts')]: count(store.hosts),
    [t('Polls')]: count(store.polls),
    [t('Changes of state')]: count(store.events),
    [t('Oldest poll')]: when(store.oldest_poll),
    [t('Newest poll')]: ago(store.newest_poll),
  });

export function server(live) {
  const place = h('div', { class: 'stack' });
  const own = h('section', { class: 'card one', hidden: true }, h('header', {}, h('h2', {}, t('Alerts'))));
  const alarms = firing({
    filter: () => ({ host: SERVER }),
    none: () => [],
    heard: (page) => {
      own.hidden = page.alarms.length === 0;
    },
  });
  own.append(...alarms.elements);
  const asked = audit();
  const element = h(
    'div',
    { class: 'page' },
    h('div', { class: 'title' }, h('h1', {}, t('Server'))),
    own,
    place,
    asked.element,
  );
  const questions = latest();
  let before = null;

  function show(said) {
    const { writer, store } = said;
    const now = { at: Date.now(), polls: said.polling.polls, cpu: said.polling.cpu_us };
    const since = before ?? { at: said.started_ms, polls: 0, cpu: 0 };
    before = now;
    renew(
      place,
      verdict(said),
      polling(said, now, since, live.at ? count(live.hosts.size) : null),
      writer ? writing(writer) : null,
      writer?.spool ? spooling(writer) : null,
      store ? storing(store) : card(t('Store'), { [t('Error')]: said.store_error }),
      telling(said.channels),
    );
  }

  async function load() {
    const isWanted = questions.ask();
    alarms.load();
    try {
      const said = await get('api/v1/server');
      if (isWanted()) show(said);
      // What is not for the reader is not there.
      await asked.load().catch(() => {});
    } catch (error) {
      if (isWanted()) renew(place, h('p', { class: 'none' }, error.message));
    }
  }
  load();
  // How many hosts there are is not known before.
  if (!live.at) live.addEventListener('change', load, { once: true });
  const timer = setInterval(load, EVERY);
  return {
    element,
    leave: () => {
      clearInterval(timer);
      live.removeEventListener('change', load);
      questions.end();
      alarms.leave();
    },
  };
}
