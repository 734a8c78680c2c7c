// The words above a plot: why there is a gap, and how long it was. As many as have room, the longest gaps first.

import { h, fill } from './dom.js';
import { length } from './format.js';
import { t } from './i18n.js';

/** Gaps that are told at most, and how wide a letter of theirs is about, px: a Chinese one is as wide as it is high. */
const MOST = 4;
const LETTER = 6.4;
const SQUARE = 11;
const MARGIN = 14;
/** In a narrower plot the outcome is told without how long it took, px. */
const NARROW = 420;

const whole = (gap) => {
  const long = { length: length(gap.to - gap.from) };
  if (!gap.failed) return gap.isPaused ? t('paused for {length}', long) : t('not polled for {length}', long);
  return [t('no answer for {length}', long), gap.outcomes].filter(Boolean).join(t(': '));
};
const short = (gap) =>
  gap.outcomes || (gap.failed ? t('no answer') : gap.isPaused ? t('paused') : t('not polled'));

/** Where words fit: within the plot, beside those that are there. */
function placed(text, at, room, taken) {
  const wide = [...text].reduce((sum, letter) => sum + (letter > '\u2e80' ? SQUARE : LETTER), MARGIN);
  const left = Math.max(0, Math.min(at, room - wide));
  const isFree = wide <= room && taken.every(([from, to]) => left >= to + 4 || left + wide <= from - 4);
  return isFree ? [left, left + wide] : null;
}

/**
 * The words of a graph's gaps, which leave in `wordsAt` where they stand, px of the plot; `why` finds out what came of
 * their polls.
 */
export function stood(one, why) {
  const element = h('div', { class: 'stood' });
  let drawn = '';

  function place(self) {
    const dpr = devicePixelRatio;
    const [plotLeft, room] = [self.bbox.left / dpr, self.bbox.width / dpr];
    const taken = [];
    const shown = [];
    const all = [...one.gaps].sort((a, b) => b.to - b.from - (a.to - a.from)).slice(0, MOST);
    for (const gap of all) {
      if (gap.failed) gap.outcomes = why.words(gap.from, gap.to, gap.failed, () => one.plot?.redraw(false));
      const at = Math.max(0, self.valToPos(gap.from / 1000, 'x')) + 8;
      const texts = room < NARROW ? [short(gap)] : [whole(gap), short(gap)];
      for (const text of texts) {
        const free = placed(text, at, room, taken);
        if (!free) continue;
        taken.push(free);
        shown.push({ text, left: Math.round(free[0] + plotLeft), isQuiet: !gap.failed });
        break;
      }
    }
    one.wordsAt = taken;
    const words = one.begin === null ? null : self.valToPos(one.begin / 1000, 'x');
    const unwatched = words !== null && words > 110 ? { left: plotLeft, wide: words } : null;
    const key = JSON.stringify([shown, unwatched]);
    if (key === drawn) return;
    drawn = key;
    fill(
      element,
      shown.map(({ text, left, isQuiet }) => {
        const chip = h('span', { class: isQuiet ? 'gap quiet' : 'gap' }, text);
        chip.style.left = `${left}px`;
        return chip;
      }),
      unwatched ? before(unwatched) : null,
    );
  }
  function before({ left, wide }) {
    const said = h('span', { class: 'before' }, one.beginWords);
    said.style.left = `${left}px`;
    said.style.width = `${wide}px`;
    return said;
  }
  return { element, place };
}
