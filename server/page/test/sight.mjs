// What a test sees of a page as it is: what lies outside of its box, what shuts readers out.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The four widths that the layout is made for, px. */
export const WIDTHS = [390, 768, 1440, 1920];

/** What axe finds serious in a page as it is. */
export async function grave(page, rules) {
  // By the debugger, which no Content-Security-Policy is for.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(
    (some) => globalThis.axe.run(some ? { runOnly: some } : {}),
    rules,
  );
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  return serious.map(({ id, nodes }) => [id, ...nodes.map((node) => node.html).slice(0, 3)]);
}

/** Words that are outside of the card or the control that they are in, or below the chart of their tile. */
export const outside = () => {
  const found = [];
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = words.nextNode(); text; text = words.nextNode()) {
    const own = text.parentElement;
    if (!text.data.trim() || !own.checkVisibility() || own.closest('.said, .skip, noscript')) continue;
    const range = document.createRange();
    range.selectNodeContents(text);
    const box = range.getBoundingClientRect();
    for (let at = own; at && at !== document.body; at = at.parentElement) {
      const bounds = at.getBoundingClientRect();
      const isBox = at.matches('.card, .tile, .chip, button, td, th, .head, .btn, .field');
      const style = getComputedStyle(at);
      if (
        isBox &&
        (box.right > bounds.right + 1 || box.left < bounds.left - 1) &&
        style.textOverflow !== 'ellipsis'
      )
        found.push(`${text.data} in ${at.className || at.tagName}`);
      if (style.overflowX !== 'visible' && !isBox) break;
      if (style.textOverflow === 'ellipsis') break;
    }
  }
  for (const tile of document.querySelectorAll('.tile:has(.chart > canvas)')) {
    if (!tile.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(tile.querySelector('.fig'));
    const [figure, chart] = [
      range.getBoundingClientRect(),
      tile.querySelector('.chart').getBoundingClientRect(),
    ];
    if (figure.right > chart.left) found.push(`${tile.textContent}: the figure is over its chart`);
  }
  if (document.scrollingElement.scrollWidth > innerWidth) found.push('the page is wider than the window');
  return found;
};
