// How the page looks to its reader: the theme, the density and the cells of the map, kept by the browser.

const THEMES = ['auto', 'light', 'dark'];
const root = document.documentElement;

function keep(key, value) {
  if (value) root.dataset[key] = value;
  else delete root.dataset[key];
  try {
    localStorage.setItem(key, value);
  } catch {
    // It lasts as long as the page, then.
  }
}

/** How much larger all is on a wall, which is read from some metres away: as much as its root is. */
export const grown = () =>
  'wall' in root.dataset ? Math.max(1, parseFloat(getComputedStyle(root).fontSize) / 16) : 1;

export const themeOf = () => root.dataset.theme ?? 'auto';
export const isDense = () => root.dataset.density === 'dense';

/** The next theme; `roundsman:theme` tells all that draw by hand. */
export function theme() {
  const next = THEMES[(THEMES.indexOf(themeOf()) + 1) % THEMES.length];
  keep('theme', next === 'auto' ? '' : next);
  dispatchEvent(new Event('roundsman:theme'));
}

/** Rows are set closer, or as they were; `roundsman:density` tells what counts on their height. */
export function density(dense = !isDense()) {
  keep('density', dense ? 'dense' : '');
  dispatchEvent(new Event('roundsman:density'));
}

/** What cells of the map can be as large as; the first is that they are alike. */
export const cellSizes = ['', 'cores', 'memory'];
let cells = null;

/** What they are as large as; another one is kept. */
export function cellSize(chosen) {
  if (chosen !== undefined) {
    cells = chosen;
    try {
      localStorage.setItem('cells', chosen);
    } catch {
      // It lasts as long as the page, then.
    }
  }
  try {
    cells ??= localStorage.getItem('cells');
  } catch {
    // Cells are alike, then.
  }
  return cellSizes.includes(cells) ? cells : '';
}

// What the system wants, too.
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () =>
  dispatchEvent(new Event('roundsman:theme')),
);
