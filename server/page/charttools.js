// What can be taken from a graph: its values as CSV, a picture of it, a link to the moment that was pointed at.

import { annotate, listed } from './annotations.js';
import { csvOf } from './csv.js';
import { h, icon } from './dom.js';
import { moment } from './format.js';
import { t } from './i18n.js';
import { ink } from './inks.js';
import { mayOperate } from './me.js';
import { pin } from './pin.js';

/** Beside a picture: room on each side, and the height of a line of its words, px. */
const ROOM = 16;
const LINE = 20;
/** How long it is told that something was copied, ms. */
const TOLD = 2000;

/** Names in rows of a picture, as many a row as there is room for; `draw` has each with where it stands. */
function flow(pen, lines, width, draw) {
  let [x, y] = [ROOM, 0];
  for (const line of lines) {
    const wide = pen.measureText(line.name).width + 2 * ROOM;
    if (x > ROOM && x + wide > width) [x, y] = [ROOM, y + LINE];
    draw?.(line, x, y);
    x += wide;
  }
  return y + LINE;
}

/** A picture of a graph with its title, its span and the names of its lines, in the theme that is shown. */
function pictureOf(one, title) {
  const { canvas } = one.plot.ctx;
  const scale = devicePixelRatio;
  const wide = canvas.width / scale + 2 * ROOM;
  const picture = document.createElement('canvas');
  const pen = picture.getContext('2d');
  pen.font = `12px ${one.font}`;
  const lines = one.lines.filter((_, position) => !one.off.has(position));
  const foot = flow(pen, lines, wide);
  [picture.width, picture.height] = [wide, canvas.height / scale + 2 * LINE + foot + ROOM].map((px) =>
    Math.round(px * scale),
  );
  pen.scale(scale, scale);
  pen.fillStyle = ink('surface');
  pen.fillRect(0, 0, picture.width, picture.height);
  pen.textBaseline = 'middle';
  pen.fillStyle = ink('ink');
  pen.font = `600 15px ${one.font}`;
  pen.fillText(title, ROOM, LINE);
  const right = pen.measureText(title).width + 2 * ROOM;
  pen.font = `12px ${one.font}`;
  pen.fillStyle = ink('ink-2');
  pen.fillText(one.span.map((seconds) => moment(seconds * 1000)).join(' – '), right, LINE);
  pen.drawImage(canvas, ROOM, 2 * LINE, canvas.width / scale, canvas.height / scale);
  const below = 2 * LINE + canvas.height / scale + LINE / 2;
  flow(pen, lines, wide, ({ name, colour }, x, y) => {
    pen.fillStyle = ink(colour);
    pen.fillRect(x, below + y - 5, 10, 10);
    pen.fillStyle = ink('ink-2');
    pen.fillText(name, x + 14, below + y);
  });
  return new Promise((resolve) => {
    picture.toBlob(resolve, 'image/png');
  });
}

/** Has the browser keep a file. */
function save(name, blob) {
  const href = URL.createObjectURL(blob);
  h('a', { href, download: name }).click();
  // The download has begun by the next turn.
  setTimeout(() => URL.revokeObjectURL(href), 0);
}

/** Puts words into the clipboard: also where a page without TLS may not. */
export async function copy(words) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(words);
    return;
  }
  const field = h('textarea', { value: words, readOnly: true, class: 'said' });
  document.body.append(field);
  field.select();
  const isDone = document.execCommand('copy');
  field.remove();
  if (!isDone) throw new Error(t('The browser does not let this page copy'));
}

/** A link to a view with the span that is shown, and to a graph with the moment that was pointed at. */
export function linkOf(span, one = null) {
  const address = new URL(location.href);
  const [from, to] = span.map(Math.round);
  for (const key of ['range', 'at']) address.searchParams.delete(key);
  address.searchParams.set('from', from);
  address.searchParams.set('to', to);
  if (one?.pointed) address.searchParams.set('at', Math.round(one.pointed));
  address.hash = one ? one.card.id : '';
  return address.href.replaceAll('%2C', ',');
}

/** What an address points at: a moment in a graph; null where it does not say. */
export function pointedAt({ search, hash }) {
  const at = Number(new URLSearchParams(search).get('at'));
  return at > 0 ? { at, id: hash.slice(1) } : null;
}

/** Shows a moment in a graph, and with it in those that share its cursor. */
function show(one, at) {
  const left = one.plot.valToPos(at / 1000, 'x');
  if (!(left >= 0 && left <= one.plot.over.clientWidth)) return;
  one.isOver = true;
  one.plot.setCursor({ left, top: one.plot.over.clientHeight / 2 });
  // Until the pointer says what it is over.
  const moved = () => {
    one.isOver = one.place.matches(':hover');
  };
  addEventListener('pointermove', moved, { once: true });
}

/** What opens a dialog, for which the menu makes room, each with when it is offered. */
function dialogs(one, { pinned, annotated }, shut) {
  const opens = (words, act, isOffered = mayOperate) => {
    const onclick = () => {
      shut();
      act();
    };
    return { button: h('button', { type: 'button', class: 'plain', onclick }, words), isOffered };
  };
  const at = () => one.pointed ?? one.span[1] * 1000;
  return [
    pinned && opens(t('Pin to board…'), () => pin(pinned())),
    annotated && opens(t('Annotate…'), () => annotate(annotated(), at())),
    annotated &&
      opens(
        t('Annotations…'),
        () => listed(one.marks),
        () => one.marks.some(({ said }) => said),
      ),
  ].filter(Boolean);
}

/**
 * A menu of what can be taken from a graph; `named()` is what files are called after, `pinned()` the chart of a board
 * that it is, `annotated()` the hosts that a note on it is about, where it has these.
 */
export function chartTools(one, takes) {
  const { named } = takes;
  const told = h('span', { class: 'said', role: 'status' });
  const open = h(
    'summary',
    {
      class: 'btn bare sm ic',
      'aria-label': t('{title}: CSV, PNG, link', { title: one.title }),
      title: t('CSV, PNG, link'),
    },
    icon('more', 's'),
  );
  const item = (words, act) => {
    const button = h('button', { type: 'button', class: 'plain' }, words);
    button.addEventListener('click', async () => {
      try {
        await act();
        told.textContent = t('{what}: done', { what: words });
        button.textContent = act === link ? t('Copied') : words;
      } catch (error) {
        told.textContent = button.textContent = error.message;
      }
      setTimeout(() => {
        button.textContent = words;
        element.open = false;
      }, TOLD);
    });
    return button;
  };
  const file = (ending) => `${named()}-${one.key}.${ending}`.replaceAll(/[^\w.-]+/g, '_');
  const csv = () => save(file('csv'), new Blob([csvOf(one)], { type: 'text/csv' }));
  const png = async () => save(file('png'), await pictureOf(one, `${named()} · ${one.title}`));
  const link = () =>
    copy(
      linkOf(
        one.span.map((seconds) => seconds * 1000),
        one,
      ),
    );
  const items = [item('CSV', csv), item('PNG', png), item(t('Copy link'), link)];
  const shut = () => {
    element.open = false;
  };
  const more = dialogs(one, takes, shut);
  // Who the reader is, and what was said, is known later than the graph.
  open.addEventListener('click', () => {
    for (const { button, isOffered } of more) button.hidden = !isOffered();
  });
  items.push(...more.map(({ button }) => button));
  const list = h('div', { class: 'menu', role: 'group', 'aria-label': t('CSV, PNG, link') }, items);
  const element = h('details', { class: 'columns tools' }, open, list, told);
  element.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !element.open) return;
    event.stopPropagation();
    element.open = false;
    open.focus();
  });
  element.addEventListener('focusout', ({ relatedTarget }) => {
    if (relatedTarget && !element.contains(relatedTarget)) element.open = false;
  });
  return {
    element,
    /** Shows the moment of the address, once, where it is about this graph. */
    point() {
      const asked = pointedAt(location);
      if (!asked || asked.id !== one.card.id || one.wasPointed || !one.plot) return;
      one.wasPointed = true;
      one.card.scrollIntoView({ block: 'center' });
      // A plot that is new has no scales before the next turn.
      requestAnimationFrame(() => one.plot && show(one, asked.at));
    },
  };
}
