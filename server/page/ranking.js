// The hosts that have the most, or the least, of a column over a span: a row each, with a bar and a way to the host.

import { h, fill, renew } from './dom.js';
import { level } from './columns.js';
import { valueWords } from './figures.js';
import { histogram } from './histogram.js';
import { t, tn } from './i18n.js';
import { hostAt } from './place.js';

const numbers = (unit, value, name) =>
  h('td', { class: 'num', 'data-column': name }, value === null ? '–' : valueWords(unit, value));

/** A mean with its bar; `most` is the end of the bar. */
function meanOf(unit, value, most) {
  const end = h('i', {});
  end.style.width = `${most > 0 ? Math.min(100, (100 * value) / most).toFixed(1) : 0}%`;
  const grade = unit === 'pct' ? level(value) : '';
  const words = h('span', { class: 'val' }, valueWords(unit, value));
  return h(
    'td',
    { class: 'num mean' },
    h('div', { class: `meter ${grade}` }, words, h('span', { class: 'bar' }, end)),
  );
}

/** A swatch as the line of a host is drawn, or one of a host that has none. */
const swatch = (look) =>
  h('i', { class: `sw ${look ? look.colour : 'blank'} ${look?.dash ? 'dashed' : ''}` });

function rowOf({ host, avg, min, max, failed }, { unit, most, looks, search }) {
  const to = h('a', { class: 'cover', href: `${hostAt(host)}${search}`, 'data-link': true }, host);
  const some = failed ? h('span', { class: 'm' }, ` ${t('{n} failed', { n: failed })}`) : null;
  return h(
    'tr',
    { class: 'go' },
    h('td', {}, swatch(looks.get(host)), to, some),
    meanOf(unit, avg, most),
    numbers(unit, min, 'min'),
    numbers(unit, max, 'max'),
  );
}

/** The card of the list; `beside` stands in its head. */
export function ranking(beside) {
  const count = h('span', { class: 'badge', role: 'status' });
  const head = h('header', {}, h('h2', {}, t('Hosts')), count, h('span', { class: 'sp' }), beside);
  const titles = Object.entries({ host: t('Host'), mean: t('Mean'), min: t('Min'), max: t('Max') }).map(
    ([key, words], at) => h('th', { scope: 'col', class: at ? 'num' : '', 'data-column': key }, words),
  );
  const body = h('tbody');
  const table = h('table', {}, h('thead', {}, h('tr', {}, titles)), body);
  const none = h('p', { class: 'none', hidden: true });
  let listed = [];
  /** Marks those whose mean lies in the bin that is pointed at. */
  const all = histogram((isIn) =>
    listed.forEach(({ avg }, at) => body.children[at].classList.toggle('lit', Boolean(isIn?.(avg)))),
  );
  const parts = [head, all.element, table, none];
  return {
    element: h('section', { class: 'card ranking', 'aria-label': t('Hosts by mean') }, parts),
    /** Shows an answer; `looks` has how the line of a host is drawn, `search` the span for its page. */
    draw(answer, unit, looks, search) {
      const { top, hosts, unknown } = answer;
      const most = unit === 'pct' ? 100 : Math.max(0, ...top.map(({ avg }) => avg));
      renew(body, ...top.map((one) => rowOf(one, { unit, most, looks, search })));
      listed = top;
      all.draw(answer, unit, looks);
      fill(count, t('{n} of {all}', { n: top.length, all: hosts }));
      count.title = unknown
        ? tn(
            unknown,
            'Nothing is known of {n} host in this period',
            'Nothing is known of {n} hosts in this period',
          )
        : '';
      table.hidden = top.length === 0;
      none.hidden = top.length > 0;
      none.textContent = t('No data in this period');
    },
    /** Says why there is no list. */
    refuse(words) {
      all.hide();
      table.hidden = true;
      none.hidden = false;
      none.textContent = words;
    },
  };
}
