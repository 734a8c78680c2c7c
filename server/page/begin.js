// What is begun while the page is still on its way: a script of its own, which runs as soon as it is there. The fleet
// is asked for, or what the first charts of a host are drawn of, and most of it is there when it can be shown.

import { begin } from './api.js';
import { FIRST, notesOf, oldOf, pointsOf, seriesOf, stateOf, storyOf, WITH_FIRST } from './asked.js';
import { moves } from './band.js';
import { Live } from './live.js';
import { named } from './place.js';
import { endsOf, spanOf, suits } from './span.js';

/** The fleet as it is now. */
export const live = new Live();

/** Asks for all that the first charts of a host need; the moments that they begin and end with. */
async function ofHost(name) {
  const span = spanOf(location.search);
  const first = [begin(...storyOf(name)), span.isOpen ? begin(...oldOf(name)) : null];
  begin(...stateOf(name));
  const [{ events }, old] = await Promise.all(first);
  if (old) span.range = suits(old.polls.length > 0);
  const [from, to] = endsOf(span, moves(events).watched?.at);
  const asked = { from, to, points: pointsOf() };
  for (const one of seriesOf(name, FIRST, WITH_FIRST, asked)) begin(...one);
  begin(...notesOf({ hosts: name }, [from, to]));
  return [from, to];
}

const [, opened] = /^hosts\/([^/]+)$/.exec(named(location.pathname)) ?? [];
const first = { name: null, ends: null };
// The fleet may be thousands of hosts: it comes behind what a host's page is opened for.
if (opened === undefined) live.start();
else {
  const name = decodeURIComponent(opened);
  // What went wrong is told by the page, which asks again.
  Object.assign(first, { name, ends: ofHost(name).catch(() => null) });
}

/** What was begun for the page of a host: the ends of its span; nothing when it was not, or was taken. */
export function begun(name) {
  const { ends } = first.name === name ? first : { ends: null };
  Object.assign(first, { name: null, ends: null });
  return ends;
}
