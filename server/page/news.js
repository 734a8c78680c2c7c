// What the store tells of the fleet beside the live view: alarms that fire, silences, the changes of the last hour.

import { get } from './api.js';
import { latest } from './latest.js';
import { grouped } from './sums.js';

/** Alarms and changes that are read at most. */
const ALARMS = 200;
const CHANGES = 1000;
/** How often they are read at most while something happens, and at least while nothing does, ms. */
const SOONEST = 2000;
const LATEST = 20_000;
/** What happened is in the store by then, ms. */
const SETTLES = 5000;

/** By host, what `all` has. */
const byHost = (all) => grouped(all, ({ host }) => host);

/** Follows them; `changed` is called when there is something new. */
export function news(live, changed) {
  const questions = latest();
  const known = {
    alarms: [],
    byHost: new Map(),
    silences: new Map(),
    changes: [],
    changesOf: new Map(),
    since: 0,
  };
  const seen = () => `${live.moves} ${live.alarms()}`;
  const last = { seen: seen(), settled: Date.now() + SETTLES, at: 0 };

  async function load() {
    last.at = Date.now();
    const isWanted = questions.ask();
    // What cannot be read is as it was.
    const read = (path, asked) => get(path, asked).catch(() => null);
    const [fire, silences, moves] = await Promise.all([
      read('api/v1/alerts', { firing: true, limit: ALARMS }),
      read('api/v1/silences'),
      read('api/v1/events', { from: '-1h', limit: CHANGES }),
    ]);
    if (!isWanted()) return;
    if (fire) Object.assign(known, { alarms: fire.alarms, byHost: byHost(fire.alarms) });
    if (silences) known.silences = new Map(silences.silences.map((one) => [one.id, one]));
    if (moves) {
      known.changes = moves.events;
      known.changesOf = byHost(moves.events.toReversed());
      known.since = moves.more ? (moves.events.at(-1)?.at_ms ?? 0) : 0;
    }
    changed();
  }
  function heard() {
    const now = Date.now();
    if (seen() !== last.seen) Object.assign(last, { seen: seen(), settled: now + SETTLES });
    const age = now - last.at;
    if (age > LATEST || (age > SOONEST && now < last.settled)) load();
  }
  live.addEventListener('change', heard);
  load();
  return {
    known,
    load,
    leave() {
      live.removeEventListener('change', heard);
      questions.end();
    },
  };
}
