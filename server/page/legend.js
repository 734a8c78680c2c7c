// The legend of a graph: each line with its value of now, which is a button to hide it, and what is told beside them.

import { h, renew } from './dom.js';
import { valueWords } from './figures.js';
import { valueOf } from './graphs.js';
import { t } from './i18n.js';

/** Makes it for a graph; `toggle` hides or shows a line by its position. */
export function legend(one, toggle) {
  const values = one.lines.map(() => h('b', {}));
  const lines = one.lines.map(({ name, colour }, position) => {
    const props = {
      type: 'button',
      class: 'plain',
      'aria-pressed': 'true',
      title: t('Show or hide this line'),
    };
    const swatch = h('i', { class: `sw ${colour}` });
    const button = h('button', { ...props, onclick: press }, swatch, h('span', {}, name), values[position]);
    function press() {
      toggle(position);
      button.setAttribute('aria-pressed', String(!one.off.has(position)));
    }
    return h('div', {}, button);
  });
  const beside = (one.also ?? []).map((each) => ({ ...each, value: h('b', {}) }));
  const told = beside.map(({ name, value }) => h('div', {}, h('span', { class: 'beside' }, name), value));
  return {
    element: h(
      'div',
      { class: 'leg', role: 'group', 'aria-label': t('Lines of {chart}', { chart: one.title }) },
      lines,
      told,
    ),
    /** Shows the values of now, which columns have. */
    show(value) {
      one.lines.forEach((line, position) =>
        renew(values[position], ...valueWords(one.unit, valueOf(line, value))),
      );
      beside.forEach((each, position) => {
        const now = valueOf(each, value);
        renew(each.value, ...valueWords(each.unit, now));
        // A machine that has none of it, such as guests, need not be told.
        told[position].hidden = now === undefined || now === null;
      });
    },
  };
}
