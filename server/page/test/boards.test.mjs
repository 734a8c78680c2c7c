// A chart is pinned to a board, the board is changed and shown on a wall; a deployment is marked on charts. By what a
// reader sees and the server has on its disk.

import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { endAll, firstChart, startBrowser, startFleet, startServer, tab, until } from './harness.mjs';
import { grave, outside } from './sight.mjs';

const WIDTHS = [390, 1440, 3840];

let browser;
let server;
let folder;
before(async () => {
  browser = await startBrowser();
  const fleet = await startFleet({ hosts: 6, interval: '1s' });
  const label = 'name = "web-1"\nlabels = { rack = "a1" }\n';
  server = await startServer(fleet.inventory.replace('name = "web-1"\n', label));
  folder = path.join(path.dirname(server.files.inventory), 'boards');
  await until('all hosts have some values', async () => {
    const { top } = await server.json('/api/v1/top?column=cpu_busy_pct&n=100');
    return top.length === 6 && top.every(({ count }) => count > 3);
  });
});
after(async () => {
  await browser?.close();
  endAll();
});

const file = (name) => readFileSync(path.join(folder, `${name}.toml`), 'utf8');
/** A board as somebody wrote it by hand. */
async function wrote(name, text) {
  const at = `/api/v1/boards/${name}`;
  const headers = { 'content-type': 'application/json' };
  await server.json(at, { method: 'PUT', headers, body: JSON.stringify({ text }) });
}
const forget = () => rmSync(folder, { recursive: true, force: true });

async function somebody(options = {}) {
  const one = await tab(browser, options);
  await one.page.addInitScript(() => localStorage.setItem('who', 'ann'));
  return one;
}

const dialog = (page) => page.getByRole('dialog');
/** Chooses from the menu of a graph. */
async function choose(card, name) {
  await card.locator('.tools summary').click();
  await card.getByRole('button', { name }).click();
}
/** Whether each graph of a board has lines: as many as it says, none of them without values. */
const drawn = (page) =>
  page
    .locator('.charts .chart')
    .evaluateAll((cards) =>
      cards.map(
        (card) => Boolean(card.querySelector('.u-over')) && !card.querySelector('.empty:not([hidden])'),
      ),
    );
async function allDrawn(page, count) {
  await until('every chart has values', async () => {
    const all = await drawn(page);
    return all.length === count && all.every(Boolean);
  });
}

const EVERY_KIND = `# Reviewed.
title = "All kinds"
span = "15m"

[[chart]]
column = "cpu_busy_pct"
group = "web"

[[chart]]
title = "Two hosts"
column = "mem_used_pct"
hosts = ["web-1", "web-2"]

[[chart]]
column = "load_1"
labels = { rack = "a1" }

[[chart]]
column = "cpu_busy_pct"
top = 3

[[chart]]
column = "net_rx_bytes_per_s"
host = "web-1"

[[chart]]
host = "web-1"
table = "core"
column = "user_pct"
`;

test('a chart of each kind is pinned, to a new board and to one that there is', async () => {
  forget();
  const { page, wrong, close } = await somebody();
  await page.goto(`${server.at}/hosts/web-1`);
  await choose(await firstChart(page), 'Pin to board…');
  await dialog(page).getByLabel('Title of the new board').fill('Night shift');
  await dialog(page).getByRole('button', { name: 'Pin', exact: true }).click();
  await dialog(page).waitFor({ state: 'detached' });
  assert.equal(
    file('night-shift'),
    'title = "Night shift"\n\n[[chart]]\ncolumn = "cpu_busy_pct"\nhost = "web-1"\n',
  );

  await page.goto(`${server.at}/compare?top=5&column=load_1`);
  const card = page.locator('.chart', { has: page.locator('.u-over') }).first();
  await card.waitFor();
  await choose(card, 'Pin to board…');
  await dialog(page).getByRole('combobox').first().selectOption('night-shift');
  await dialog(page).getByRole('button', { name: 'Pin', exact: true }).click();
  await dialog(page).waitFor({ state: 'detached' });
  assert.match(file('night-shift'), /\[\[chart\]\]\ncolumn = "load_1"\ntop = 5\norder = "desc"\n$/);

  await page.keyboard.press('g');
  await page.getByRole('status').filter({ hasText: 'B Boards' }).waitFor();
  await page.keyboard.press('b');
  await page.getByRole('link', { name: 'Night shift' }).click();
  await page.waitForURL(/boards\/night-shift$/);
  await allDrawn(page, 2);
  assert.deepEqual(wrong, []);
  await close();
});

test('every kind of chart is drawn, within its page at every width, in both languages', async () => {
  forget();
  await wrote('kinds', EVERY_KIND);
  const { page, wrong, close } = await somebody();
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    await page.goto(`${server.at}/boards/kinds`);
    await allDrawn(page, 6);
    assert.deepEqual(await page.evaluate(outside), [], `${width}`);
    const titles = await page.locator('.chart h2').allTextContents();
    assert.deepEqual(titles, [
      'CPU · Group web',
      'Two hosts',
      'Load · rack=a1',
      'Top 3: CPU',
      'Network in · web-1',
      'web-1 · core · user_pct',
    ]);
  }
  await page.evaluate(() => localStorage.setItem('language', 'zh-CN'));
  await page.reload();
  await allDrawn(page, 6);
  await page.getByRole('button', { name: '编辑' }).waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test('a board is changed by keys and by the pointer, and saved; comments at its top stay', async () => {
  forget();
  await wrote('kinds', EVERY_KIND);
  // All charts are in sight: one that is dragged is dropped without a scroll.
  const { page, wrong, close } = await somebody({ viewport: { width: 1400, height: 1800 } });
  await page.goto(`${server.at}/boards/kinds`);
  await allDrawn(page, 6);
  await page.getByRole('button', { name: 'Edit' }).click();
  await page.getByLabel('Title').first().fill('Changed');
  // By keys: the second chart goes to the first place, and keeps the focus.
  await page.locator('.chart').nth(1).getByRole('button', { name: 'Earlier' }).focus();
  await page.keyboard.press('Enter');
  await page.locator('.chart').nth(0).locator('.earlier:focus').waitFor();
  // By the pointer: the last one goes to the second place.
  await page.locator('.chart').nth(5).locator('.grip').dragTo(page.locator('.chart').nth(1));
  await page.locator('.chart').nth(2).getByRole('button', { name: 'Take off' }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { name: 'Changed', level: 1 }).waitFor();
  const text = file('kinds');
  assert.ok(text.startsWith('# Reviewed.\ntitle = "Changed"\nspan = "15m"\n'), text);
  assert.deepEqual(
    [...text.matchAll(/column = "(\w+)"/g)].map(([, column]) => column),
    ['mem_used_pct', 'user_pct', 'load_1', 'cpu_busy_pct', 'net_rx_bytes_per_s'],
  );
  assert.deepEqual(wrong, []);
  await close();
});

test('who saves over a change of somebody else is told, and one that cannot be written is there to copy', async () => {
  forget();
  await wrote('kinds', EVERY_KIND);
  const { page, close } = await somebody();
  await page.goto(`${server.at}/boards/kinds`);
  await allDrawn(page, 6);
  await page.getByRole('button', { name: 'Edit' }).click();
  await page.getByLabel('Title').first().fill('Mine');
  writeFileSync(path.join(folder, 'kinds.toml'), EVERY_KIND.replace('All kinds', 'Theirs'));
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('it was changed since it was read').waitFor();
  assert.match(file('kinds'), /Theirs/);
  await page.getByRole('button', { name: 'Read it again' }).click();
  await page.getByRole('heading', { name: 'Theirs', level: 1 }).waitFor();

  // What somebody else changes is shown without a reload; a bad file leaves the board as it was.
  writeFileSync(path.join(folder, 'kinds.toml'), EVERY_KIND.replace('load_1', 'laod_1'));
  await page.getByText('kinds.toml:15:10').waitFor();
  await allDrawn(page, 6);

  forget();
  writeFileSync(folder, '');
  await page.goto(`${server.at}/hosts/web-1`);
  await choose(await firstChart(page), 'Pin to board…');
  await dialog(page).getByLabel('Title of the new board').fill('By hand');
  await dialog(page).getByRole('button', { name: 'Pin', exact: true }).click();
  const area = dialog(page).locator('textarea');
  // It is there from the begin, and shown with what it has.
  await area.waitFor();
  const text = await area.inputValue();
  assert.equal(text, 'title = "By hand"\n\n[[chart]]\ncolumn = "cpu_busy_pct"\nhost = "web-1"\n');
  forget();
  await close();
});

test('a wall shows all charts at once without controls, and goes from board to board', async () => {
  forget();
  await wrote('a', EVERY_KIND);
  await wrote('b', 'title = "Second"\n[[chart]]\ncolumn = "load_1"\n');
  const { page, wrong, close } = await somebody({ viewport: { width: 1920, height: 1080 } });
  await page.goto(`${server.at}/boards?wall=1&every=5s`);
  await page.getByRole('heading', { name: 'All kinds', level: 1 }).waitFor();
  await allDrawn(page, 6);
  assert.equal(await page.locator('.head:visible, .chart .tools:visible').count(), 0);
  const low = await page
    .locator('.chart')
    .evaluateAll((cards) => Math.max(...cards.map((card) => card.getBoundingClientRect().bottom)));
  assert.ok(low <= 1080, `${low}`);
  await page.getByRole('heading', { name: 'Second', level: 1 }).waitFor();
  await allDrawn(page, 1);
  await page.getByRole('heading', { name: 'All kinds', level: 1 }).waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

/** The words of the marks that a graph has drawn, and whether its canvas has the colour of one above the plot. */
async function markedAt(page, selector) {
  return page.locator(selector).evaluate((card) => {
    const canvas = card.querySelector('canvas');
    const pen = canvas.getContext('2d');
    const probe = document.createElement('i');
    probe.style.color = 'var(--accent)';
    document.body.append(probe);
    const [, ...rgb] = /(\d+), (\d+), (\d+)/.exec(getComputedStyle(probe).color).map(Number);
    probe.remove();
    const rows = Math.round(18 * devicePixelRatio);
    const { data } = pen.getImageData(0, 0, canvas.width, rows);
    let found = 0;
    for (let at = 0; at < data.length; at += 4)
      if (rgb.every((each, place) => Math.abs(each - data[at + place]) < 40) && data[at + 3] > 200)
        found += 1;
    return found;
  });
}

test('what is said of a moment is marked on the charts of its hosts and on no others', async () => {
  const { page, wrong, close } = await somebody();
  await page.goto(`${server.at}/hosts/web-2`);
  const first = await firstChart(page);
  const isBare = async () => assert.equal(await markedAt(page, '.charts.large > section >> nth=0'), 0);
  await isBare();
  await first.locator('.u-over').hover();
  await choose(first, 'Annotate…');
  await dialog(page).getByLabel('Text').fill('web 2.4');
  await dialog(page).getByLabel('Kind').selectOption('deploy');
  await dialog(page).getByRole('button', { name: 'Annotate', exact: true }).click();
  await dialog(page).waitFor({ state: 'detached' });
  for (const number of [0, 1, 2])
    await until(
      `graph ${number} is marked`,
      async () => (await markedAt(page, `.charts.large > section >> nth=${number}`)) > 5,
    );
  const { annotations } = await server.json('/api/v1/annotations?hosts=web-2');
  assert.deepEqual(
    annotations.map(({ text, kind, who, hosts }) => [text, kind, who, hosts]),
    [['web 2.4', 'deploy', 'ann', ['web-2']]],
  );
  await page.goto(`${server.at}/compare?hosts=web-2,web-3&column=cpu_busy_pct`);
  await page.locator('#chart-cpu_busy_pct .u-over').waitFor();
  await until('Compare is marked', async () => (await markedAt(page, '#chart-cpu_busy_pct')) > 5);
  await page.goto(`${server.at}/hosts/web-3`);
  await firstChart(page);
  await isBare();
  assert.deepEqual(wrong, []);
  await close();
});

test('an annotation is taken back by keys, and its mark goes from every open chart', async () => {
  const { page, wrong, close } = await somebody();
  const headers = { 'content-type': 'application/json' };
  const said = { text: 'web 9.9', kind: 'deploy', who: 'ann', hosts: ['web-3'], at: '-10s' };
  await server.json('/api/v1/annotations', { method: 'POST', headers, body: JSON.stringify(said) });
  // A span that stands still: nothing is read anew unless something is done.
  const now = Date.now();
  await page.goto(`${server.at}/hosts/web-3?from=${now - 120_000}&to=${now}`);
  const first = await firstChart(page);
  const marks = (number) => markedAt(page, `.charts.large > section >> nth=${number}`);
  const all = async (holds) => (await Promise.all([0, 1, 2].map(marks))).every(holds);
  await until('three graphs are marked', () => all((count) => count > 5));

  await first.locator('.tools summary').focus();
  await page.keyboard.press('Enter');
  const isChosen = () => page.evaluate(() => document.activeElement.textContent === 'Annotations…');
  for (let step = 0; step < 9 && !(await isChosen()); step += 1) await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  const list = page.getByRole('dialog', { name: 'Annotations' });
  await list.getByText('deploy: web 9.9 (ann)').waitFor();
  assert.deepEqual(await grave(page), []);
  // The first button has the focus: that of the one there is.
  await page.keyboard.press('Enter');
  const asked = page.getByRole('dialog', { name: 'Remove annotation' });
  await asked.getByText('web 9.9').waitFor();
  await page.keyboard.press('Escape');
  await asked.waitFor({ state: 'detached' });
  assert.ok(await all((count) => count > 5), 'who thinks better of it has removed nothing');

  await choose(first, 'Annotations…');
  await list.getByRole('button', { name: 'Remove: web 9.9' }).press('Enter');
  await asked.waitFor();
  await page.keyboard.press('Enter');
  await asked.waitFor({ state: 'detached' });
  await until('no graph is marked', () => all((count) => count === 0));
  const { annotations } = await server.json('/api/v1/annotations?hosts=web-3');
  assert.ok(annotations.every(({ text }) => text !== 'web 9.9'));
  // Where nothing is said there is no list.
  await first.locator('.tools summary').click();
  await first.getByRole('button', { name: 'Annotate…' }).waitFor();
  assert.equal(await first.getByRole('button', { name: 'Annotations…' }).count(), 0);
  assert.deepEqual(wrong, []);
  await close();
});

test('the palette knows boards, and says something of a host', async () => {
  forget();
  await wrote('kinds', EVERY_KIND);
  const { page, wrong, close } = await somebody();
  await page.goto(`${server.at}/boards`);
  await page.getByRole('link', { name: 'All kinds' }).waitFor();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('all kinds');
  await page.locator('[role=option][aria-selected=true]', { hasText: 'All kinds' }).waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL(/boards\/kinds$/);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('annotate web-3');
  await page.locator('[role=option][aria-selected=true]', { hasText: 'Annotate…' }).waitFor();
  await page.keyboard.press('Enter');
  await dialog(page).getByLabel('Text').fill('switch replaced');
  await dialog(page).getByRole('button', { name: 'Annotate', exact: true }).click();
  await dialog(page).waitFor({ state: 'detached' });
  const { annotations } = await server.json('/api/v1/annotations?hosts=web-3');
  assert.ok(annotations.some(({ text, hosts }) => text === 'switch replaced' && hosts[0] === 'web-3'));
  assert.deepEqual(wrong, []);
  await close();
});
