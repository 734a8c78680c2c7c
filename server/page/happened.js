// What happened to hosts that are compared: changes of state, alarms and reboots, as marks of a graph.

import { get } from './api.js';
import { reboots } from './reboots.js';

/** Of more hosts than these there would be more marks than a graph has room for. */
const MOST = 12;
/** Changes that are read. */
const READ = 500;
/** States whose begin is marked. */
const MARKED = ['down', 'degraded'];
/** The shapes of severities: those of the states that are as grave. */
export const SHAPES = { critical: 'down', warning: 'degraded', info: 'pending' };

/** The marks of hosts by name between two moments; what cannot be read is not marked. */
export async function happened(hosts, [from, to]) {
  if (hosts.length === 0 || hosts.length > MOST) return [];
  const read = (path, asked) => get(path, { from, to, ...asked }).catch(() => null);
  const [changes, alarms, ups] = await Promise.all([
    read('api/v1/events', { limit: READ }),
    read('api/v1/alert_events', { limit: READ }),
    read('api/v1/series', { column: 'uptime_s', hosts: hosts.join(',') }),
  ]);
  const ofState = (changes?.events ?? [])
    .filter((one) => hosts.includes(one.host) && one.from !== one.to && MARKED.includes(one.to))
    .map(({ at_ms: at, to: kind, host: words }) => ({ at, kind, words }));
  const ofAlarms = (alarms?.events ?? [])
    .filter((one) => hosts.includes(one.host) && one.to === 'firing')
    .map((one) => ({ at: one.slot_ms, kind: SHAPES[one.severity], words: one.host }));
  const ofBoots = (ups?.lines ?? []).flatMap(({ host, values }) => {
    const seconds = values.avg.map((_, point) => (ups.start_ms + point * ups.step_ms) / 1000);
    const found = reboots({ series: new Map([['uptime_s', values.avg]]), seconds });
    return found.map((mark) => ({ ...mark, words: host }));
  });
  return [...ofState, ...ofAlarms, ...ofBoots];
}
