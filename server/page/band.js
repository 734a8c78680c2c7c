// The strip under a chart: the host's states over the span, and where polls failed.

import { h, colour } from './dom.js';
import { moment } from './format.js';

const HEIGHT = 10;

/** The states over a span, from the changes of state, which come newest first. */
export function bands(transitions, from, to) {
  const found = [];
  let end = to;
  for (const [position, change] of transitions.entries()) {
    if (change.at_ms < end) found.push({ state: change.to, why: change.reason, begin: change.at_ms, end });
    end = Math.min(end, change.at_ms);
    if (end <= from) break;
    // Before its first change a host was listed, or was not yet: nothing is known.
    if (position === transitions.length - 1 && change.from !== 'pending')
      found.push({ state: change.from, why: '', begin: from, end });
  }
  return found.filter((one) => one.end > from && one.begin < to);
}

export function band() {
  const canvas = h('canvas', {
    class: 'band',
    height: HEIGHT,
    role: 'img',
    'aria-label': 'States: not loaded yet',
  });
  const tip = h('div', { class: 'tip', hidden: true });
  let words = () => '';
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

  let again = () => {};
  const watch = new ResizeObserver(() => again());
  watch.observe(canvas);

  /** As wide as what it lies under, px. */
  function place(left, width) {
    canvas.style.marginLeft = `${left}px`;
    canvas.style.width = `${width}px`;
  }

  function draw(...what) {
    again = () => paint(...what);
    again();
  }

  function paint(from, to, states, { times, polls, failed, step, why }) {
    const width = canvas.clientWidth || 400;
    canvas.width = width;
    const pen = canvas.getContext('2d');
    const x = (ms) => ((ms - from) / (to - from)) * width;
    for (const { state, begin, end } of states) {
      const left = x(Math.max(begin, from));
      pen.fillStyle = colour(state);
      pen.fillRect(left, 0, Math.max(1, x(Math.min(end, to)) - left), HEIGHT);
    }
    pen.fillStyle = colour('down');
    failed.forEach((count, point) => {
      if (count)
        pen.fillRect(x(times[point]), HEIGHT / 2, Math.max(1, (step / (to - from)) * width), HEIGHT / 2);
    });
    words = (share) => {
      const at = from + share * (to - from);
      const now = states.find((one) => at >= one.begin && at < one.end);
      const point = Math.floor((at - times[0]) / step);
      const outcomes = failed[point] ? why.words(times[point], times[point] + step, tell) : '';
      const lost = failed[point]
        ? `\n${failed[point]} of ${polls[point]} polls failed${outcomes ? `: ${outcomes}` : ''}`
        : '';
      return `${moment(at)}\n${now ? `${now.state}${now.why ? `: ${now.why}` : ''}` : 'state unknown'}${lost}`;
    };
    const lost = failed.reduce((sum, one) => sum + one, 0);
    const said =
      states
        .map((one) => one.state)
        .reverse()
        .join(', then ') || 'unknown';
    canvas.setAttribute('aria-label', `States over the span: ${said}; ${lost} failed polls`);
  }
  return {
    element: canvas,
    draw,
    place,
    leave: () => {
      watch.disconnect();
      tip.remove();
    },
  };
}
