// The time range of a host's page: a length up to now, or from one moment to another.

import { h, icon } from './dom.js';
import { length, moment } from './format.js';
import { t, term } from './i18n.js';
import { isUtc, momentOf } from './zone.js';

export const RANGES = { '15m': 9e5, '1h': 36e5, '6h': 216e5, '24h': 864e5, '7d': 6048e5, '30d': 2592e6 };
/** What is shown when nobody says: of a host that is polled since less than a day, and of others. */
const [NEW, USUAL] = ['15m', '1h'];
/** What is shown before a host was watched, and in all at least, ms. */
const [BEFORE, LEAST] = [15_000, 180_000];
/** A finger scrolls where a mouse drags. */
const DRAGS = matchMedia('(pointer: fine)').matches;

/**
 * The span that an address asks for: `fixed` are two moments, or null when it goes up to now; `isOpen` when it does not
 * say, and the age of the data does.
 */
export function spanOf(search) {
  const asked = new URLSearchParams(search);
  const moments = ['from', 'to'].map((key) => Number(asked.get(key)));
  const isKnown = Object.hasOwn(RANGES, asked.get('range'));
  return {
    range: isKnown ? asked.get('range') : USUAL,
    fixed: moments.every(Boolean) ? moments : null,
    isOpen: !isKnown && !moments.every(Boolean),
  };
}

/** A length in words of a sentence: 15 min. */
export const rangeWords = (range) => {
  const n = parseInt(range, 10);
  return { m: t('{n} min', { n }), h: t('{n} h', { n }), d: t('{n} days', { n }) }[range.at(-1)];
};

/** The length that suits a host, by whether there is data from before a day. */
export const suits = (isOld) => (isOld ? USUAL : NEW);

/** The other way: what an address says of a span. */
export function searchOf({ range, fixed, isOpen }) {
  const said = fixed ? { from: fixed[0], to: fixed[1] } : isOpen ? {} : { range };
  const text = new URLSearchParams(said).toString();
  return text ? `?${text}` : '';
}

/** Its first and its last moment; where nobody chose, not long before the host was `watched`. */
export function endsOf({ range, fixed, isOpen }, watched = 0) {
  if (fixed) return fixed;
  const now = Date.now();
  const from = now - RANGES[range];
  return [isOpen ? Math.max(from, Math.min(watched - BEFORE, now - LEAST)) : from, now];
}

/** Twice as much, around the same moments; not beyond now. */
function wider([from, to]) {
  const half = (to - from) / 2;
  return [from - half, Math.min(to + half, Date.now())].map(Math.round);
}

/** Two moments in words: a day that is today is said once, and seconds only where they matter. */
function between([from, to]) {
  const [a, b] = [moment(from), moment(to)].map((words) => words.split(' '));
  const cut = to - from < 600_000 ? 8 : 5;
  const zone = isUtc() ? ' UTC' : '';
  const today = moment(Date.now()).split(' ')[0];
  const [begin, end] = [a, b].map(([, time]) => time.slice(0, cut));
  if (a[0] !== b[0]) return `${a[0].slice(5)} ${begin} – ${b[0].slice(5)} ${end}${zone}`;
  return `${begin} – ${end}${zone} ${a[0] === today ? t('today') : a[0]}`;
}

/** The fields for two moments, and the button that shows them; `go` is called with the moments. */
function ownSpan(span, go) {
  const [begin, end] = [t('From'), t('To')].map((words) =>
    h('input', { type: 'datetime-local', step: 1, 'aria-label': words }),
  );
  const wrong = h('span', { class: 'wrong', role: 'alert' });
  const submit = (event) => {
    event.preventDefault();
    const [from, to] = [begin, end].map((field) => momentOf(field.value));
    wrong.textContent = from < to ? '' : t('The first moment has to be before the second.');
    if (!(from < to)) return;
    go([from, to]);
    toggle();
  };
  const show = h('button', { type: 'submit', class: 'btn' }, t('Show'));
  const props = { class: 'own', hidden: true, 'aria-label': t('From and to'), onsubmit: submit };
  const form = h('form', props, begin, t('to'), end, show, wrong);
  const words = h('span', {});
  const hint = { title: t('Show from one moment to another'), 'aria-expanded': 'false', onclick: toggle };
  const open = h('button', { type: 'button', class: 'btn when', ...hint }, icon('calendar', 's'), words);
  function toggle() {
    form.hidden = !form.hidden;
    open.setAttribute('aria-expanded', String(!form.hidden));
    if (form.hidden) return;
    // As local time without a zone, which is what these fields take.
    [begin.value, end.value] = endsOf(span).map((ms) => moment(ms).replace(' ', 'T'));
    begin.focus();
  }
  return { form, open, words };
}

/** How fine the graphs are: what a point stands for, and of how many polls it is. */
function fineness({ tier, step, fails }) {
  const point = t('{length} per point', { length: length(step) });
  if (tier === 'hour') return t('{point}, hourly means', { point });
  const most = Math.max(0, ...fails.polls);
  return most > 1 ? t('{point}, up to {n} polls each', { point, n: most }) : point;
}

/** Chooses a span; `changed` is called when it is another one. Built once, so that the focus stays where it is. */
export function picker(span, changed) {
  const go = (range, fixed) => {
    Object.assign(span, { range, fixed, isOpen: false });
    changed();
  };
  const widen = () => span.fixed && go(span.range, wider(span.fixed));
  const ranges = Object.keys(RANGES).map((key) =>
    h('button', { type: 'button', 'data-range': key, onclick: () => go(key, null) }, term('range', key, key)),
  );
  const own = ownSpan(span, (moments) => go(span.range, moments));
  const hint = { title: t('Or double-click a graph, or Esc'), onclick: widen };
  const out = h('button', { type: 'button', class: 'btn', ...hint }, t('Zoom out'));
  const note = h('span', { class: 'note', role: 'status' });
  const lengths = h('div', { class: 'seg', role: 'group', 'aria-label': t('Last') }, ranges);
  const key = h(
    'span',
    { class: 'key', 'aria-hidden': 'true' },
    h('span', {}, icon('deploy', 's'), term('annotation_kind', 'deploy')),
    h('span', {}, icon('reboot', 's'), t('reboot')),
    h('span', {}, h('i', { class: 'sw hatched' }), t('no answer')),
  );
  const props = { class: 'range', 'aria-label': t('Time range') };
  return {
    element: h('section', props, lengths, own.open, own.form, out, note, key),
    widen,
    /** Shows which span it is, and what came of it between two moments. */
    show(came, ends = endsOf(span)) {
      const { range, fixed } = span;
      for (const button of ranges) {
        button.setAttribute('aria-pressed', String(!fixed && button.dataset.range === range));
      }
      const words = between(ends);
      if ((came || fixed) && own.words.textContent !== words) own.words.textContent = words;
      out.hidden = !fixed;
      if (!came) return;
      const said = `${fineness(came)}${DRAGS ? t(' · drag to zoom') : ''}`;
      if (note.textContent !== said) note.textContent = said;
    },
  };
}
