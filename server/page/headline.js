// The values of now in the head of a graph: what a person wants of it at a glance.

import { h } from './dom.js';
import { UNKNOWN } from './format.js';
import { said, together, valueWords } from './figures.js';
import { valueOf } from './graphs.js';
import { t, tp } from './i18n.js';

const isKnown = (value) => value !== null && value !== undefined;
const loud = (...words) => h('b', {}, ...words);

/** Two rates in one unit, each with its sign. */
function pair(one, value, [up, down]) {
  const known = one.lines.some((line) => isKnown(valueOf(line, value)));
  if (!known) return [loud(UNKNOWN)];
  const { numbers, unit } = together(
    one.lines.map((line) => valueOf(line, value)),
    true,
  );
  return [loud(`${down} ${numbers[1]}`), ' ', loud(`${up} ${numbers[0]}`), ' ', h('u', {}, unit)];
}

const SPECIAL = {
  cpu: (one, value) =>
    tp('{share} busy', { share: loud(...valueWords('pct', value('cpu_busy_pct') ?? null)) }),
  memory(one, value) {
    const [total, available] = [value('mem_total_bytes'), value('mem_available_bytes')];
    if (!isKnown(total) || !isKnown(available)) return [loud(UNKNOWN)];
    const { numbers, unit } = together([total, total - available]);
    return tp('{used} of {total} {unit}', {
      used: loud(numbers[1]),
      total: numbers[0],
      unit: h('u', {}, unit),
    });
  },
  network: (one, value) => pair(one, value, ['↑', '↓']),
  disk: (one, value) => pair(one, value, [t('W|written'), t('R|read')]),
  load(one, value) {
    const cores = value('cpus_online');
    const load = loud(said('', value('load_1') ?? null));
    return isKnown(cores) ? tp('{load} on {cores} cores', { load, cores }) : [load];
  },
};

/** The words of a graph's head; of one without its own, its greatest line. */
export function headline(one, value) {
  if (SPECIAL[one.key]) return SPECIAL[one.key](one, value);
  const known = one.lines
    .map((line) => ({ name: line.name, now: valueOf(line, value) }))
    .filter(({ now }) => isKnown(now));
  if (known.length === 0) return [loud(UNKNOWN)];
  const most = known.reduce((a, b) => (b.now > a.now ? b : a));
  const figure = loud(...valueWords(one.unit, most.now));
  return one.lines.length > 1 ? tp('{value} {line}', { value: figure, line: most.name }) : [figure];
}
