// How the means of hosts spread: a histogram over their list, with the middle of all, and where those that are listed
// stand.

import { fill, h, renew } from './dom.js';
import { said, valueWords, withU } from './figures.js';
import { t, tn } from './i18n.js';
import { tickWords } from './ticks.js';

/** Of fewer hosts the list itself says how they spread. */
const FEW = 5;

/** To which bin keys lead. */
const STEPS = {
  ArrowLeft: (at) => at - 1,
  ArrowRight: (at) => at + 1,
  Home: () => 0,
  End: (at, last) => last,
};

/** The share of the histogram at which a value stands. */
const shareOf = ({ bins_from: from, bins_to: to }, value) => (value - from) / (to - from);

/** The bin in which a value lies: that in which the server counts it. */
const binOf = (spread, value) =>
  Math.min(spread.bins.length - 1, Math.floor(shareOf(spread, value) * spread.bins.length));

const place = (element, share) => {
  element.style.left = `${(100 * share).toFixed(2)}%`;
  return element;
};

/** A bin as high as its hosts, the listed ones of them at its foot; its whole height is pointed at. */
function bar(hosts, listed, most, at) {
  const high = h('i', {}, listed ? h('i', {}) : null);
  high.style.height = `${((100 * hosts) / most).toFixed(1)}%`;
  if (listed) high.firstChild.style.height = `${((100 * listed) / hosts).toFixed(1)}%`;
  return h('span', { class: 'bin', 'data-bin': at }, hosts ? high : null);
}

/** What its marks mean, and how many hosts it is of. */
function keyOf({ p50, p90 }, known, unit) {
  const told = (name, words, value) =>
    h('span', {}, h('i', { class: `sw ${name}` }), words, ' ', h('b', {}, valueWords(unit, value)));
  return [
    h('span', {}, t('Means of {n} hosts', { n: known })),
    told('p50', t('median'), p50),
    told('p90', 'p90', p90),
    h('span', {}, h('i', { class: 'sw listed' }), t('listed')),
  ];
}

/** What is told of a bin: from where to where, how many hosts, how many of them are listed. */
function wordsOf({ bins, bins_from: begin, bins_to: end }, unit, bin, listed) {
  const edge = (at) => tickWords(unit, begin + ((end - begin) * at) / bins.length);
  const range = t('{from} to {to}|a range', { from: edge(bin), to: edge(bin + 1) });
  const hosts = tn(bins[bin], '{n} host', '{n} hosts');
  return `${range}${t(': ')}${hosts}${listed ? t(', {n} of them listed', { n: listed }) : ''}`;
}

/** Has pointer and keys walk the bins; `point(bin)` takes one, or null. */
function walk(bins, shown, point) {
  bins.addEventListener('mousemove', ({ target }) => {
    const { bin } = target.closest('.bin')?.dataset ?? {};
    if (bin !== undefined && Number(bin) !== shown.at) point(Number(bin));
  });
  for (const away of ['mouseleave', 'blur']) bins.addEventListener(away, () => point(null));
  bins.addEventListener('keydown', (event) => {
    const { spread, at } = shown;
    if (!STEPS[event.key] || !spread) return;
    event.preventDefault();
    const last = spread.bins.length - 1;
    const next = at === null ? binOf(spread, spread.p50) : STEPS[event.key](at, last);
    point(Math.max(0, Math.min(last, next)));
  });
}

/** The histogram; `chosen(isIn)` is called with which means lie in the bin that is pointed at, or null. */
export function histogram(chosen) {
  const key = h('div', { class: 'row key' });
  const walked = { role: 'application', tabIndex: 0, 'aria-roledescription': t('histogram') };
  const bins = h('div', { class: 'bins', ...walked });
  const stands = h('div', { class: 'stands', 'aria-hidden': 'true' });
  const [from, to] = [h('span', { class: 'm' }), h('span', { class: 'm' })];
  const note = h('span', { class: 'note', role: 'status' });
  const foot = h('div', { class: 'ends' }, from, note, to);
  const element = h('div', { class: 'histogram', hidden: true }, key, bins, stands, foot);
  const shown = { spread: null, top: [], unit: '', at: null };
  const inBin = (bin) => shown.top.filter(({ avg }) => binOf(shown.spread, avg) === bin).length;

  function point(at) {
    shown.at = at;
    for (const bin of bins.querySelectorAll('.bin'))
      bin.classList.toggle('on', bin.dataset.bin === String(at));
    const words = at === null ? '' : wordsOf(shown.spread, shown.unit, at, inBin(at));
    if (note.textContent !== words) note.textContent = words;
    chosen(at === null ? null : (mean) => binOf(shown.spread, mean) === at);
  }
  walk(bins, shown, point);

  return {
    element,
    /** Shows an answer; `looks` has how the line of a host is drawn. */
    draw({ distribution, top, hosts, unknown }, unit, looks) {
      const known = hosts - unknown;
      // Where all have the same there is nothing to be told apart.
      const isShown = distribution && known >= FEW && distribution.bins_to > distribution.bins_from;
      element.hidden = !isShown;
      Object.assign(shown, { spread: isShown ? distribution : null, top, unit });
      if (!isShown) return;
      const { bins: counts, bins_from: begin, bins_to: end, p50, p90 } = distribution;
      const at = (name, value) => place(h('i', { class: name }), shareOf(distribution, value));
      const most = Math.max(...counts);
      const bars = counts.map((count, bin) => bar(count, inBin(bin), most, bin));
      renew(bins, ...bars, at('at p50', p50), at('at p90', p90));
      const half = { n: known, p50: said(unit, p50), p90: said(unit, p90) };
      bins.setAttribute('aria-label', t('Means of {n} hosts: half below {p50}, a tenth above {p90}', half));
      const look = (host) => `sw ${looks.get(host)?.colour ?? 'blank'}`;
      renew(stands, ...top.map(({ host, avg }) => at(look(host), avg)));
      renew(key, ...keyOf(distribution, known, unit));
      fill(from, withU(tickWords(unit, begin)));
      fill(to, withU(tickWords(unit, end)));
      point(shown.at);
    },
    /** Is not shown. */
    hide() {
      element.hidden = true;
    },
  };
}
