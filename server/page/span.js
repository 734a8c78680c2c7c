// The time range of a host's page: a length up to now, or from one moment to another.

import { h } from './dom.js';
import { length, moment } from './format.js';

export const RANGES = { '15m': 9e5, '1h': 36e5, '6h': 216e5, '24h': 864e5, '7d': 6048e5, '30d': 2592e6 };
const USUAL = '1h';
/** A finger scrolls where a mouse drags. */
const DRAGS = matchMedia('(pointer: fine)').matches;

/** The span that an address asks for: `fixed` are two moments, or null when it goes up to now. */
export function spanOf(search) {
  const asked = new URLSearchParams(search);
  const moments = ['from', 'to'].map((key) => Number(asked.get(key)));
  return {
    range: RANGES[asked.get('range')] ? asked.get('range') : USUAL,
    fixed: moments.every(Boolean) ? moments : null,
  };
}

/** The other way: what an address says of a span. */
export function searchOf({ range, fixed }) {
  const said = fixed ? { from: fixed[0], to: fixed[1] } : range === USUAL ? {} : { range };
  const text = new URLSearchParams(said).toString();
  return text ? `?${text}` : '';
}

/** Its first and its last moment. */
export const endsOf = ({ range, fixed }) => fixed ?? [Date.now() - RANGES[range], Date.now()];

/** Twice as much, around the same moments; not beyond now. */
function wider([from, to]) {
  const half = (to - from) / 2;
  return [from - half, Math.min(to + half, Date.now())].map(Math.round);
}

/** The fields for two moments, and the button that shows them; `go` is called with the moments. */
function ownSpan(span, go) {
  const [begin, end] = ['From', 'To'].map((words) =>
    h('input', { type: 'datetime-local', step: 1, 'aria-label': words }),
  );
  const wrong = h('span', { role: 'alert' });
  const submit = (event) => {
    event.preventDefault();
    const [from, to] = [begin, end].map((field) => new Date(field.value).getTime());
    wrong.textContent = from < to ? '' : 'The first moment has to be before the second.';
    if (from < to) go([from, to]);
  };
  const show = h('button', { type: 'submit' }, 'Show');
  const props = { class: 'row', hidden: true, 'aria-label': 'From and to', onsubmit: submit };
  const form = h('form', props, begin, 'to', end, show, wrong);
  const open = h('button', { type: 'button', 'aria-expanded': 'false', onclick: toggle }, 'From … to …');
  function toggle() {
    form.hidden = !form.hidden;
    open.setAttribute('aria-expanded', String(!form.hidden));
    if (form.hidden) return;
    // As local time without a zone, which is what these fields take.
    [begin.value, end.value] = endsOf(span).map((ms) => moment(ms).replace(' ', 'T'));
    begin.focus();
  }
  return { form, open };
}

/** Chooses a span; `changed` is called when it is another one. Built once, so that the focus stays where it is. */
export function picker(span, changed) {
  const go = (range, fixed) => {
    Object.assign(span, { range, fixed });
    changed();
  };
  const widen = () => span.fixed && go(span.range, wider(span.fixed));
  const ranges = Object.keys(RANGES).map((key) =>
    h('button', { type: 'button', onclick: () => go(key, null) }, key),
  );
  const own = ownSpan(span, (moments) => go(span.range, moments));
  const where = h('span', {});
  const out = h(
    'button',
    { type: 'button', title: 'Or double-click a chart, or Esc', onclick: widen },
    'Zoom out',
  );
  const note = h('span', { class: 'soft', role: 'status' });
  const lengths = h('div', { class: 'row', role: 'group', 'aria-label': 'Last' }, ranges, own.open);
  const props = { class: 'card row range', 'aria-label': 'Time range' };
  return {
    element: h('section', props, lengths, own.form, where, out, note),
    widen,
    /** Shows which span it is, and what came of it: tier and step. */
    show(came) {
      const { range, fixed } = span;
      for (const button of ranges) {
        button.setAttribute('aria-pressed', String(!fixed && button.textContent === range));
      }
      where.textContent = fixed ? `${moment(fixed[0])} to ${moment(fixed[1])}` : '';
      out.hidden = !fixed;
      if (!came) return;
      const tier = came.tier === 'hour' ? 'Hourly means' : 'Polls';
      note.textContent = `${tier}, ${length(came.step)} a point${DRAGS ? ' · drag over a chart to zoom' : ''}`;
    },
  };
}
