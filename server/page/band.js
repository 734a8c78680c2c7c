// The strip under a chart: the host's states over the span, and where polls failed.

import { h } from './dom.js';
import { moment, told } from './format.js';
import { t, term, tn } from './i18n.js';
import { ink } from './inks.js';

const HEIGHT = 6;
/** What a healthy host is painted with: it is not loud. */
const PAINTS = { up: 'calm', retired: 'paused' };
/** States of which a change is marked in the graphs. */
const MARKED = ['down', 'degraded', 'suspect', 'up'];

/** The states over a span, from the changes of state, which come newest first. */
export function bands(transitions, from, to) {
  const found = [];
  let end = to;
  for (const [position, change] of transitions.entries()) {
    if (change.at_ms < end)
      found.push({ state: change.to, why: told(change.reason), begin: change.at_ms, end });
    end = Math.min(end, change.at_ms);
    if (end <= from) break;
    // Before its first change a host was listed, or was not yet: nothing is known.
    if (position === transitions.length - 1 && change.from !== 'pending')
      found.push({ state: change.from, why: '', begin: from, end });
  }
  return found.filter((one) => one.end > from && one.begin < to);
}

/** The changes of state as marks of the graphs, and since when the host is watched. */
export function moves(transitions) {
  const marks = transitions
    .filter(({ from, to }) => from !== to && from !== 'pending' && MARKED.includes(to))
    .map(({ at_ms: at, to: kind }) => ({ at, kind, words: '' }));
  const first = transitions.at(-1);
  const watched = first?.from === 'pending' ? { at: first.at_ms, words: t('Not watched yet') } : null;
  return { marks, watched };
}

/** The canvas and the tip over it, which has what `words` says of a share of its width. */
function elements(words) {
  const props = { class: 'band', height: HEIGHT, role: 'img', 'aria-label': t('States: not loaded yet') };
  const canvas = h('canvas', props);
  const tip = h('div', { class: 'tip', hidden: true });
  let share = 0;
  const tell = () => {
    tip.textContent = words(share);
  };
  canvas.addEventListener('mousemove', (event) => {
    const box = canvas.getBoundingClientRect();
    share = (event.clientX - box.left) / box.width;
    tell();
    tip.hidden = tip.textContent === '';
    tip.style.left = `${Math.min(event.clientX + 12, innerWidth - 260)}px`;
    tip.style.top = `${event.clientY + 14}px`;
  });
  canvas.addEventListener('mouseleave', () => {
    tip.hidden = true;
  });
  document.body.append(tip);
  return { canvas, tip, tell };
}

/** Paints the states of a span over so many px. */
function paint(canvas, wide, { from, to, states, fails }) {
  const width = Math.round(wide * devicePixelRatio);
  canvas.width = width;
  const pen = canvas.getContext('2d');
  const x = (ms) => ((ms - from) / (to - from)) * width;
  for (const { state, begin, end } of states) {
    const left = x(Math.max(begin, from));
    pen.fillStyle = ink(PAINTS[state] ?? state);
    pen.fillRect(left, 0, Math.max(1, x(Math.min(end, to)) - left), HEIGHT);
  }
  const lost = fails.failed.reduce((sum, one) => sum + one, 0);
  const said = states.map((one) => term('state', one.state)).reverse();
  const words = said.join(t(', then ')) || t('unknown');
  const label = tn(
    lost,
    'States over the span: {words}; {n} failed poll',
    'States over the span: {words}; {n} failed polls',
    {
      words,
    },
  );
  canvas.setAttribute('aria-label', label);
}

/** What was at a share of a span: moment, state, and what failed; `again` is called once more is known. */
function wordsAt(share, { from, to, states, fails }, again) {
  const { times, polls, failed, step, why } = fails;
  const at = from + share * (to - from);
  const now = states.find((one) => at >= one.begin && at < one.end);
  const point = Math.floor((at - times[0]) / step);
  const lines = [moment(at), t('state unknown')];
  if (now) lines[1] = [term('state', now.state), now.why].filter(Boolean).join(t(': '));
  if (failed[point]) {
    const outcomes = why.words(times[point], times[point] + step, failed[point], again);
    const words = t('{failed} of {polls} polls failed', { failed: failed[point], polls: polls[point] });
    lines.push([words, outcomes].filter(Boolean).join(t(': ')));
  }
  return lines.join('\n');
}

export function band() {
  let drawn = null;
  const { canvas, tip, tell } = elements((share) => (drawn ? wordsAt(share, drawn, tell) : ''));
  return {
    element: canvas,
    /** What is shown once it is placed. */
    draw(from, to, states, fails) {
      drawn = { from, to, states, fails };
    },
    /** As wide as what it lies under, px. */
    place(left, width) {
      canvas.style.marginLeft = `${left}px`;
      canvas.style.width = `${width}px`;
      paint(canvas, width, drawn);
    },
    leave: () => tip.remove(),
  };
}
