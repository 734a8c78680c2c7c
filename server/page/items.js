// What the fleet's table has, row by row: hosts in the order of the view, or by groups.

import { NATURAL } from './format.js';
import { t } from './i18n.js';
import { grouped } from './sums.js';
import { isNarrowed } from './view.js';

/** Up to so many hosts the table has groups; and so many hosts of each are there at first. */
export const GROUPED = 100;
const FEW = 4;

/** Whether the table is by groups: as long as nothing else was asked for, and the fleet is small. */
export const isGrouped = (view, hosts) =>
  view.sort === 'state' && !isNarrowed(view) && hosts.length <= GROUPED && hosts.some(({ group }) => group);

/** The rows for hosts that are in order; `open` has the groups of which all are shown. */
export function itemsOf(hosts, isByGroup, open) {
  if (!isByGroup) return hosts.map((host) => ({ kind: 'host', host }));
  const groups = [...grouped(hosts, ({ group }) => group ?? '')].sort(
    ([a, some], [b, others]) => !a - !b || others.length - some.length || NATURAL.compare(a, b),
  );
  return groups.flatMap(([group, members]) => {
    const name = group || t('No group');
    const isFolded = members.length > FEW + 1;
    const isOpen = open.has(name);
    const some = isFolded && !isOpen ? members.slice(0, FEW) : members;
    return [
      { kind: 'group', name, hosts: members },
      ...some.map((host) => ({ kind: 'host', host })),
      ...(isFolded ? [{ kind: 'more', name, left: members.length - some.length }] : []),
    ];
  });
}
