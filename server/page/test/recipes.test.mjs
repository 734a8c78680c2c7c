// `roundsman probe-command` prints what this page shows: recipes.json has the commands of both, and a test of each
// compares its own with them. RECIPES=write writes the file by what the page shows.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { certificate, WAYS } from '../recipe.js';

const FILE = new URL('recipes.json', import.meta.url);
const SAID = [
  { name: 'web-1', address: '' },
  { name: 'web-1', address: '10.4.1.11:6000' },
  { name: 'here', address: '127.0.0.1' },
  { name: 'here', address: 'localhost:6000' },
  { name: 'six', address: '[2001:db8::1]' },
];

const recipes = SAID.flatMap((said) =>
  [false, true].flatMap((mutual) => [
    ...['binary', 'container'].map((way) => ({ ...said, mutual, way, command: WAYS[way](said, mutual) })),
    ...(mutual ? [{ ...said, mutual, way: 'certificate', command: certificate(said) }] : []),
  ]),
).concat({ ...SAID[0], mutual: false, way: 'swarm', command: WAYS.swarm() });

if (process.env.RECIPES === 'write') writeFileSync(FILE, `${JSON.stringify(recipes, null, 2)}\n`);

test('the page and the command line say the same', () => {
  assert.deepEqual(JSON.parse(readFileSync(FILE, 'utf8')), recipes);
});
