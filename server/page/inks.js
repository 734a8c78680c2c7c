// Colours of the theme for what is drawn by hand. Each is asked for once per theme: asking costs a layout.

import { colour } from './dom.js';

const known = new Map();
const forget = () => known.clear();
addEventListener('roundsman:theme', forget);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', forget);

/** The colour that a token has now. */
export function ink(token) {
  if (!known.has(token)) known.set(token, colour(token));
  return known.get(token);
}
