// What the page of a host asks first, each as a path of the API and its parameters. In one place, for it is asked
// before most of the page is there (begin.js).

import { hostPath } from './api.js';
import { drawnOf, GRAPHS, TOLD } from './graphs.js';

/** Columns of the last poll that are told beside those of graphs. */
const BESIDE = ['mem_used_pct', 'boot_time_s'];
/** What is shown of the host. */
const HOST =
  'group,labels,addresses,schedule,state,since_ms,flapping,unreachable_because,paused_until_ms,reason,cause,' +
  'alarms_firing,alarm_severity,facts,' +
  'last_good_at_ms,last.slot_ms,last.outcome,last.error,last.address,last.call_us,last.detail,' +
  [...TOLD, ...BESIDE].map((column) => `last.values.${column}`).join();
/** Changes of state that are read: those that are shown, and those in the graphs. */
const EVENTS = 200;
/** The marks that are read; of more a graph has no room. */
const NOTES = 100;
/** Points asked for per graph, at least and at most; one for so many px. */
const POINTS = [60, 800];
const POINT_PX = 2.4;
/** What of an answer is drawn, and as many digits of a value as a graph and its legend show. */
const DRAWN = 'tier,step_ms,start_ms,polls,failed,columns.name,columns.avg';
export const DIGITS = 4;
/** Columns that the server gives in one answer at most. */
const MOST_COLUMNS = 20;
/** Read beside what the first graphs are drawn of: for tiles, and to tell reboots. */
export const WITH_FIRST = ['mem_used_pct', 'uptime_s', 'fs_used_max_pct'];

export const stateOf = (name) => [hostPath(name), { fields: HOST }];
export const storyOf = (name) => [`${hostPath(name)}/events`, { limit: EVENTS }];

/** Whether there are polls from a day ago. */
export const oldOf = (name) => [
  `${hostPath(name)}/polls`,
  { from: '-24h', to: '-23h', limit: 1, order: 'asc', fields: 'slot_ms' },
];

/** What was said of moments, of hosts as the server is asked about them. */
export const notesOf = (hosts, [from, to]) => [
  'api/v1/annotations',
  { ...hosts, from: Math.round(from), to: Math.round(to), limit: NOTES },
];

/** The graphs that are seen first. */
export const isFirst = ({ late }) => !late;
export const FIRST = GRAPHS.filter(isFirst);

/** How many points a graph is drawn of: two stand beside each other. */
export const pointsOf = () => Math.max(POINTS[0], Math.min(POINTS[1], Math.round(innerWidth / 2 / POINT_PX)));

/** Columns over time, `fields` of them. */
export const columnsOf = (name, columns, fields, asked) => [
  `${hostPath(name)}/series`,
  { columns: columns.join(','), ...asked, digits: DIGITS, fields },
];

/** What graphs are drawn of, with the columns `beside`: as many questions as it takes, no column twice. */
export function seriesOf(name, list, beside, asked) {
  const wanted = [...new Set([...list.flatMap(drawnOf), ...beside])].filter((column) => column !== 'call_us');
  const all = [];
  for (let at = 0; at < wanted.length; at += MOST_COLUMNS)
    all.push(columnsOf(name, wanted.slice(at, at + MOST_COLUMNS), DRAWN, asked));
  return all;
}
