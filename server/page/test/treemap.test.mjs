// Cells by size: areas as given, none over another, the whole box. Without a browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { squarify } from '../treemap.js';

/** Weights as fleets have them, largest first: many small hosts and some large ones. */
const fleet = (count) => Array.from({ length: count }, (_, at) => 2 ** ((at * 7) % 8)).sort((a, b) => b - a);
const BOXES = [
  [[1], 300, 20],
  [[8, 8, 8], 100, 300],
  [[6, 6, 4, 3, 2, 2, 1], 600, 400],
  [fleet(40), 334, 260],
  [fleet(600), 3700, 200],
  [fleet(2000), 1400, 900],
];

test('each area is its share of the box, within a pixel', () => {
  for (const [weights, width, height] of BOXES) {
    const all = weights.reduce((sum, one) => sum + one, 0);
    const places = squarify(weights, width, height);
    assert.equal(places.length, weights.length);
    places.forEach(({ wide, high }, at) => {
      const meant = (weights[at] / all) * width * height;
      assert.ok(Math.abs(wide * high - meant) < 1, `${at} of ${weights.length}: ${wide * high} for ${meant}`);
    });
  }
});

test('no two are over each other, and together they fill the box', () => {
  for (const [weights, width, height] of BOXES) {
    const places = squarify(weights, width, height);
    const covered = places.reduce((sum, { wide, high }) => sum + wide * high, 0);
    assert.ok(Math.abs(covered - width * height) < 1, `${covered} of ${width * height}`);
    for (const { x, y, wide, high } of places)
      assert.ok(
        x >= 0 && y >= 0 && x + wide <= width + 0.01 && y + high <= height + 0.01,
        `${x} ${y} ${wide} ${high}`,
      );
    places.forEach((one, at) => {
      for (const other of places.slice(at + 1)) {
        const across = Math.min(one.x + one.wide, other.x + other.wide) - Math.max(one.x, other.x);
        const down = Math.min(one.y + one.high, other.y + other.high) - Math.max(one.y, other.y);
        if (Math.min(across, down) >= 0.01)
          assert.fail(`${JSON.stringify([one, other])} are over each other`);
      }
    });
  }
});

test('rectangles are near to squares', () => {
  // The example of the paper: no rectangle is as flat as 1 to 3.
  for (const { wide, high } of squarify([6, 6, 4, 3, 2, 2, 1], 600, 400))
    assert.ok(Math.max(wide / high, high / wide) < 3, `${wide} × ${high}`);
});
