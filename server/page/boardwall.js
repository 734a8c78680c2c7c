// Boards for a screen on a wall: no controls, larger text, one after the other.

import { BoardCharts } from './boardcharts.js';
import { h, fill } from './dom.js';
import { moment } from './format.js';
import { t } from './i18n.js';
import { readBoard, readBoards } from './pin.js';
import { endsOf, RANGES, spanOf } from './span.js';
import { darken } from './wall.js';

/** How long a board stays when nobody says, and at least, ms. */
const USUAL = 30_000;
const LEAST = 5000;
/** How often what is shown is read again, ms. */
const AGAIN = 10_000;
/** What a card has beside its plot, px of the root's 16; and the gap between cards. */
const AROUND = 4.5;

/** How long a board stays, ms: an address says `every=30s`, or `2m`. */
export function everyOf(search) {
  const [, count, unit] = /^(\d+)(s|m)?$/.exec(new URLSearchParams(search).get('every') ?? '') ?? [];
  return count ? Math.max(LEAST, Number(count) * (unit === 'm' ? 60_000 : 1000)) : USUAL;
}

/** How many charts stand beside each other: as many as make them all seen at once. */
export const columnsOf = (count) => (count <= 1 ? 1 : count <= 4 ? 2 : count <= 9 ? 3 : 4);

/** `names`: those that are shown; of none all. */
export function boardWall(live, names) {
  const light = darken();
  const every = everyOf(location.search);
  const [title, clock, place] = [h('h1', {}), h('time', {}), h('div', {})];
  const header = h('header', {}, title, h('span', { class: 'sp' }), clock);
  const charts = new BoardCharts(live, { named: () => title.textContent, zoom() {}, widen() {} });
  const element = h('div', { class: 'wall boardwall compare' }, header, place, charts.element);
  let [all, now, isLeft, ends, shown] = [names, -1, false, null, ''];

  /** Each as high as makes them all seen. */
  function fit() {
    const count = charts.graphs.length;
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const columns = innerWidth < 640 ? 1 : columnsOf(count);
    charts.element.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
    const rows = Math.max(1, Math.ceil(count / columns));
    const room = innerHeight - charts.element.getBoundingClientRect().top - rem;
    for (const one of charts.graphs) one.high = Math.max(120, Math.round(room / rows - AROUND * rem));
  }
  async function read() {
    if (ends && !isLeft) await charts.load(ends());
  }
  async function next() {
    try {
      if (!names.length) {
        const page = await readBoards();
        all = page.boards.filter((one) => one.charts > 0).map(({ name }) => name);
      }
      if (isLeft) return;
      if (!all.length) throw new Error(t('No boards yet'));
      now = (now + 1) % all.length;
      const { board, version } = await readBoard(all[now]);
      if (isLeft || !board) return;
      fill(place);
      const isSame = shown === `${all[now]} ${version}`;
      shown = `${all[now]} ${version}`;
      if (isSame) return;
      title.textContent = board.title;
      document.title = `${board.title} · Roundsman`;
      const span = spanOf(location.search);
      if (span.isOpen && board.span in RANGES) span.range = board.span;
      ends = () => endsOf({ ...span, isOpen: false });
      charts.show(board.charts);
      fit();
      await read();
    } catch (error) {
      // What is shown stays.
      if (!isLeft) fill(place, h('p', { class: 'card none' }, error.message));
    }
  }
  const tick = () => {
    clock.textContent = moment(Date.now()).split(' ')[1];
    clock.className = live.connected && !live.again ? '' : 'away';
  };
  const timers = [setInterval(tick, 1000), setInterval(next, every), setInterval(read, AGAIN)];
  addEventListener('resize', fit);
  tick();
  // It is measured where it stands.
  requestAnimationFrame(next);
  return {
    element,
    leave() {
      isLeft = true;
      light();
      timers.forEach(clearInterval);
      removeEventListener('resize', fit);
      charts.leave();
    },
  };
}
