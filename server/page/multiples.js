// A column of several hosts in a small chart each, all by the same scale, so that they can be compared at a glance.

import { colour, fill, h } from './dom.js';
import { get } from './api.js';
import { nameOf } from './catalogue.js';
import { membersOf } from './comparing.js';
import { valueWords } from './figures.js';
import { moment, unitOf } from './format.js';
import { t, tn } from './i18n.js';
import { latest } from './latest.js';
import { hostAt } from './place.js';
import { axisOf, tickWords } from './ticks.js';

/** Charts at most; hosts that the server draws each by itself in one answer; points of a chart. */
const MOST = 48;
const AT_ONCE = 12;
const POINTS = 150;
const DIGITS = 4;
/** Px of a chart. */
const HIGH = 72;

const isKnown = (value) => value !== null && value !== undefined;

/** Draws a line of values up to `most`, and where the pointer is. */
function draw(canvas, values, most, pointed) {
  const wide = canvas.clientWidth;
  if (!wide) return;
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(wide * ratio);
  canvas.height = HIGH * ratio;
  const pen = canvas.getContext('2d');
  pen.scale(ratio, ratio);
  const x = (at) => (at * (wide - 1)) / Math.max(1, values.length - 1);
  const y = (value) => HIGH - 1 - (value / most) * (HIGH - 3);
  pen.strokeStyle = colour('line');
  for (const part of [0, 0.5]) {
    pen.beginPath();
    pen.moveTo(0, y(most * part) + 0.5);
    pen.lineTo(wide, y(most * part) + 0.5);
    pen.stroke();
  }
  pen.strokeStyle = colour('c1');
  pen.lineWidth = 1.5;
  pen.beginPath();
  let isDrawn = false;
  values.forEach((value, at) => {
    if (!isKnown(value)) {
      isDrawn = false;
      return;
    }
    if (isDrawn) pen.lineTo(x(at), y(value));
    else pen.moveTo(x(at), y(value));
    // One between two gaps is a short stroke.
    if (!isDrawn && !isKnown(values[at + 1])) pen.lineTo(x(at) + 2, y(value));
    isDrawn = true;
  });
  pen.stroke();
  if (pointed === null) return;
  pen.strokeStyle = colour('ink-3');
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(x(pointed), 0);
  pen.lineTo(x(pointed), HIGH);
  pen.stroke();
}

/** The chart of a host; `point(share)` is called with where in it the pointer is, or null. */
function chartOf(host, column, point) {
  const unit = unitOf(column);
  const canvas = h('canvas', { role: 'img' });
  const value = h('b', {});
  const name = h('a', { class: 'cover', href: hostAt(host), 'data-link': true }, host);
  const element = h('section', { class: 'card small' }, h('div', { class: 'row' }, name, value), canvas);
  element.addEventListener('mousemove', (event) => {
    const box = canvas.getBoundingClientRect();
    point(Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)));
  });
  element.addEventListener('mouseleave', () => point(null));
  return {
    element,
    show(values, most, pointed) {
      draw(canvas, values, most, pointed);
      const now = pointed === null ? (values.findLast(isKnown) ?? null) : (values[pointed] ?? null);
      fill(value, valueWords(unit, now));
      canvas.setAttribute('aria-label', t('{column} of {host}', { column: nameOf(column), host }));
    },
  };
}

/** The lines of hosts over a span, by as many questions as it takes. */
async function read(names, column, [from, to]) {
  const parts = [];
  for (let at = 0; at < names.length; at += AT_ONCE) parts.push(names.slice(at, at + AT_ONCE));
  const asked = { column, from, to, points: POINTS, digits: DIGITS };
  return Promise.all(parts.map((hosts) => get('api/v1/series', { ...asked, hosts: hosts.join(',') })));
}

/** The charts of a column. */
export function multiples(column, live) {
  const unit = unitOf(column);
  const questions = latest();
  const scale = h('span', { class: 'm' });
  const when = h('span', { class: 'm' });
  const wrong = h('p', { class: 'none', role: 'status', hidden: true });
  const grid = h('div', { class: 'multiples' });
  const head = h(
    'div',
    { class: 'row' },
    h('h2', {}, nameOf(column)),
    scale,
    h('span', { class: 'sp' }),
    when,
  );
  const shown = { charts: new Map(), lines: [], most: 1, at: null };
  function redraw() {
    const { charts, lines, most, at } = shown;
    const length = lines[0]?.values.length ?? 0;
    const pointed = at === null || !length ? null : Math.round(at * (length - 1));
    when.textContent = pointed === null ? '' : moment(lines[0].start + pointed * lines[0].step);
    for (const { host, values } of lines) charts.get(host).show(values, most, pointed);
  }
  const point = (at) => {
    shown.at = at;
    redraw();
  };
  function put(answers, rest) {
    shown.lines = answers.flatMap(({ lines, start_ms: start, step_ms: step }) =>
      lines.map(({ host, values }) => ({ host, values: values.avg, start, step })),
    );
    const highest = shown.lines.reduce((most, { values }) => Math.max(most, ...values.filter(isKnown)), 0);
    shown.most = axisOf(0, highest, { unit, most: 0, steps: 2 }).max;
    shown.charts = new Map(
      shown.lines.map(({ host }) => [host, shown.charts.get(host) ?? chartOf(host, column, point)]),
    );
    fill(
      grid,
      [...shown.charts.values()].map(({ element }) => element),
    );
    const more = rest > 0 ? tn(rest, '{n} more host is not drawn', '{n} more hosts are not drawn') : '';
    const ends = t('each from 0 to {most}', { most: tickWords(unit, shown.most) });
    scale.textContent = [ends, more].filter(Boolean).join(' · ');
    redraw();
  }
  return {
    element: h('div', { class: 'stack' }, head, wrong, grid),
    redraw,
    async load(view, ends) {
      const isWanted = questions.ask(JSON.stringify([view, ends[0]]));
      const all = membersOf(view, [...live.hosts.values()]).map(({ name }) => name);
      try {
        const answers = await read(all.slice(0, MOST), column, ends);
        if (!isWanted()) return null;
        wrong.hidden = true;
        put(answers, all.length - MOST);
        const [first] = answers;
        if (!first) return null;
        return { step: first.step_ms, tier: first.tier, lines: [], range: null, fails: { polls: [] } };
      } catch (error) {
        if (!isWanted()) return null;
        wrong.textContent = error.message;
        wrong.hidden = false;
        return null;
      }
    },
    leave: () => questions.end(),
  };
}
