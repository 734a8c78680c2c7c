// When a host's filesystems are full, by what up to a day has taken of them.

import { UNKNOWN } from './format.js';
import { get, hostPath } from './api.js';
import { t } from './i18n.js';
import { latest } from './latest.js';

const DAY = 864e5;
/** The shortest time that something is concluded from, ms, and the longest that is told, days. */
const LEAST = DAY / 24;
const MOST_DAYS = 3650;
/** How often it is asked for, ms. */
const EVERY = 60_000;
const FIELDS = 'slot_ms,detail.filesystem.mount_point,detail.filesystem.available_bytes';

/** In how many days nothing is available, when what was `before` is `now` after `span`, ms. */
function words(before, now, span) {
  if (before === null || now === null) return UNKNOWN;
  const days = (now * span) / ((before - now) * DAY);
  return days > 0 && days < MOST_DAYS ? t('{n} d', { n: days.toFixed(days < 10 ? 1 : 0) }) : t('not soon');
}

export function filling(name) {
  const questions = latest();
  /** When each mount is full, in words. */
  let full = new Map();
  let learnt = 0;

  /** Asks what there was a day before this poll; at most once a minute. */
  async function learn(poll) {
    if (poll.slot_ms - learnt < EVERY) return;
    learnt = poll.slot_ms;
    const isWanted = questions.ask();
    const asked = { from: poll.slot_ms - DAY, to: poll.slot_ms, limit: 20, order: 'asc', fields: FIELDS };
    const earlier = await get(`${hostPath(name)}/polls`, asked).catch(() => null);
    const then = earlier?.polls.find((one) => one.detail);
    const span = then ? poll.slot_ms - then.slot_ms : 0;
    if (!isWanted() || span < LEAST) return;
    const before = new Map(then.detail.filesystem.map((row) => [row.mount_point, row.available_bytes]));
    full = new Map(
      poll.detail.filesystem.map(({ mount_point: mount, available_bytes: now }) => [
        mount,
        words(before.get(mount) ?? null, now, span),
      ]),
    );
  }
  return { learn, words: (mount) => full.get(mount) ?? UNKNOWN, leave: () => questions.end() };
}
