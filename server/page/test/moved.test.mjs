// What happened here? The panel of what moved, for the span that is shown or one that is dragged with Shift.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { endAll, firstChart, startBrowser, startFleet, startServer, tab, until } from './harness.mjs';

const AXES = ['score', 'spread'];
/** Changes as the server words them; what it finds, its own tests hold. */
const change = (column, was, now, row = null) => ({
  table: row && 'disk',
  row,
  column,
  unit: 'percent',
  before: was,
  now,
  text: `${column} moved`,
  ...Object.fromEntries(AXES.map((key) => [key, 9])),
});
const CHANGES = [
  change('cpu_busy_pct', 10, 45),
  change('cpu_iowait_pct', 2, 1),
  change('busy_pct', null, 30, 'vda'),
  change('load_total_tasks', 100, 300),
];

let browser;
let server;
before(async () => {
  browser = await startBrowser();
  const fleet = await startFleet({ hosts: 2, interval: '1s' });
  server = await startServer(fleet.inventory);
  await until('the hosts are up', async () => (await server.json('/api/v1/fleet')).counts.up === 2);
});
after(async () => {
  await browser?.close();
  endAll();
});

/** A tab whose server says that these moved; what it was asked. */
async function told(page) {
  const asked = [];
  await page.route('**/changes?*', async (route) => {
    const answer = await route.fetch();
    const real = await answer.json();
    asked.push([real.from_ms, real.to_ms]);
    await route.fulfill({
      response: answer,
      json: { ...real, polls: 9, polls_before: 9, changes: CHANGES, more: 3 },
    });
  });
  return asked;
}

test('W tells what moved in the span that is shown, and leads to its charts, by keys alone', async () => {
  const { page, wrong, close } = await tab(browser);
  const asked = await told(page);
  const to = Date.now();
  await page.goto(`${server.at}/hosts/web-1?from=${to - 60_000}&to=${to}`);
  await firstChart(page);
  await page.keyboard.press('w');
  const panel = page.locator('.moved');
  const rows = panel.locator('li');
  await rows.nth(3).waitFor();
  assert.deepEqual(asked, [[to - 60_000, to]]);
  assert.ok(await panel.evaluate((one) => one === document.activeElement), 'it has the focus');
  const words = (await rows.allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' ').trim());
  assert.deepEqual(words, [
    '↑× 4.5 cpu_busy_pct 10.0 % → 45.0 %',
    '↓−50 % cpu_iowait_pct 2.0 % → 1.0 %',
    '+new disk vda · busy_pct – → 30.0 %',
    '↑× 3.0 load_total_tasks 100 → 300',
  ]);
  assert.equal(await panel.locator('[role=status]').innerText(), '3 more moved less');
  // The close button comes first, then the changes.
  for (let tabs = 0; tabs < 3; tabs += 1) await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await until('its chart has the focus', () =>
    page.evaluate(() => document.activeElement.id === 'chart-cpu'),
  );
  await rows.nth(3).locator('a').focus();
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/compare?hosts=web-1&column=load_total_tasks&from=${to - 60_000}&to=${to}`);
  assert.deepEqual(wrong, []);
  await close();
});

test('a span that is dragged with Shift is asked about, and not zoomed into; a row leads to its graph', async () => {
  const { page, close } = await tab(browser);
  const asked = await told(page);
  const to = Date.now();
  const address = `${server.at}/hosts/web-1?from=${to - 60_000}&to=${to}`;
  await page.goto(address);
  const chart = await firstChart(page);
  const box = await until('the plot has its place', () => chart.locator('.u-over').boundingBox());
  await page.keyboard.down('Shift');
  await page.mouse.move(box.x + box.width * 0.5, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.75, box.y + 40, { steps: 6 });
  await page.mouse.up();
  await page.keyboard.up('Shift');
  const rows = page.locator('.moved li');
  await rows.nth(3).waitFor();
  assert.equal(page.url(), address);
  const [[from, end]] = asked;
  assert.ok(Math.abs(from - (to - 30_000)) < 1000 && Math.abs(end - (to - 15_000)) < 1000, `${from} ${end}`);
  await rows.nth(2).getByRole('button').click();
  await page.locator('.rowgraphs section', { hasText: 'vda' }).waitFor();
  await page.locator('.moved').focus();
  await page.keyboard.press('Escape');
  await page.locator('.moved').waitFor({ state: 'hidden' });
  assert.equal(page.url(), address, 'Esc closes it, and does not zoom out');
  await close();
});

test('a span that is too long is refused in the words of the server', async () => {
  const { page, close } = await tab(browser);
  await page.goto(`${server.at}/hosts/web-1?range=7d`);
  await firstChart(page);
  await page.getByRole('button', { name: 'What happened here?' }).click();
  await page.locator('.moved [role=status]', { hasText: /day/ }).waitFor();
  await close();
});
