// The first glance at a fleet: figures, causes, keys, and that nothing is cut at any width, in the light or the dark.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import {
  endAll,
  HOSTS_UP,
  startBrowser,
  startFleet,
  startServer,
  startSmall,
  tab,
  until,
} from './harness.mjs';
import { outside, WIDTHS } from './sight.mjs';

let browser;
let server;
before(async () => {
  browser = await startBrowser();
  ({ server } = await startSmall());
});
after(async () => {
  await browser?.close();
  endAll();
});

/** A fleet that stands still: what the server says once, and nothing after it. */
async function frozen(page, change = () => {}) {
  const said = await server.json('/api/v1/fleet');
  change(said, (name) => said.columns.indexOf(name));
  await page.route('**/api/v1/stream', (route) =>
    route.fulfill({
      contentType: 'text/event-stream',
      body: `event: fleet\ndata: ${JSON.stringify(said)}\n\n`,
    }),
  );
  const hosts = said.hosts.map((row) => Object.fromEntries(said.columns.map((key, at) => [key, row[at]])));
  return { said, hosts };
}

test('the figures of the tiles are those of the hosts', async () => {
  const { page, close } = await tab(browser);
  const { said, hosts } = await frozen(page);
  await page.goto(server.at);
  await page.waitForSelector(HOSTS_UP);
  const tile = (name) => page.locator(`[data-tile=${name}]`);
  const fresh = hosts.filter(({ state }) => state === 'up' || state === 'degraded');
  const sum = (value) => fresh.reduce((all, host) => all + value(host), 0);
  // Of a host that is polled for the first time no share is known: it counts for nothing, on either side.
  const cores = sum((host) => (host.cpu_busy_pct === null ? 0 : host.cpus_online));
  const busy = sum((host) => (host.cpus_online * host.cpu_busy_pct) / 100);
  const total = sum((host) => host.mem_total_bytes);
  const used = sum((host) => (host.mem_total_bytes * host.mem_used_pct) / 100);
  const figure = async (name) => (await tile(name).locator('.fig').textContent()).trim();
  assert.equal(await figure('hosts'), `${said.counts.up} of ${hosts.length}`);
  assert.equal(await figure('cpu'), `${((busy / cores) * 100).toFixed(busy / cores < 0.1 ? 1 : 0)} %`);
  assert.equal(await figure('memory'), `${((used / total) * 100).toFixed(0)} %`);
  const firing = Object.values(said.server.alarms_firing).reduce((all, one) => all + one, 0);
  assert.equal(await figure('alerts'), String(firing));
  const answered = hosts.filter(({ outcome }) => outcome === 'ok' || outcome === 'partial').length;
  assert.equal(await figure('polls'), `${((answered / hosts.length) * 100).toFixed(0)} %`);
  const tx = sum((host) => host.net_tx_bytes_per_s);
  const [shown, unit] = (await figure('network')).split(' ');
  const scale = { 'B/s': 1, 'KiB/s': 2 ** 10, 'MiB/s': 2 ** 20, 'GiB/s': 2 ** 30 }[unit];
  assert.ok(Math.abs(Number(shown) * scale - tx) < 0.06 * scale + tx * 0.01, `${shown} ${unit}: ${tx}`);
  // Each leads to where it is from.
  await tile('cpu').click();
  await page.waitForURL(/sort=cpu&colour=cpu#hosts$/);
  await page.locator('th[data-column=cpu][aria-sort=descending]').waitFor();
  await close();
});

test('what is not known is a dash, and a host that does not answer has its cause in place of values', async () => {
  const { page, close } = await tab(browser);
  await frozen(page, (said, at) => {
    for (const row of said.hosts) Object.assign(row, { [at('state')]: 'down', [at('outcome')]: 'refused' });
    Object.assign(said.counts, { up: 0, degraded: 0, down: said.hosts.length });
  });
  await page.goto(`${server.at}/?sort=name`);
  const rows = page.locator('.hosts tr.go');
  await rows.first().waitFor();
  for (const name of ['cpu', 'memory', 'network'])
    assert.equal(await page.locator(`[data-tile=${name}] .fig`).textContent(), '–', name);
  for (const row of await rows.all()) {
    assert.match(await row.locator('.instead').textContent(), /^Refused/);
    assert.equal(await row.locator('td').count(), 2);
  }
  await close();
});

test('many hosts of one cause are one row, which opens; the others are a link away', async () => {
  const { page, close } = await tab(browser);
  await frozen(page, (said, at) => {
    const gone = said.hosts.slice(0, 14);
    for (const row of gone)
      Object.assign(row, {
        [at('state')]: 'down',
        [at('outcome')]: 'refused',
        [at('cause')]: `nothing listens on ${row[at('address')]}`,
        [at('labels')]: { rack: 'r12' },
      });
    Object.assign(said.counts, { up: said.counts.up - 14, down: (said.counts.down ?? 0) + 14 });
  });
  await page.goto(server.at);
  const row = page.locator('.trouble-list > li', { hasText: /1[45] hosts|14 hosts/ });
  await row.getByText('all rack=r12').waitFor();
  await row.getByRole('button').click();
  await page.locator('.trouble-list > li').nth(5).waitFor();
  await page.getByRole('button', { name: 'By host' }).click();
  await page.getByRole('link', { name: /^Show \d+ more in the table$/ }).click();
  await page.waitForURL(/state=down,suspect,degraded/);
  await page.locator('.chip[aria-pressed=true]', { hasText: 'Down' }).waitFor();
  await close();
});

test('a host is found and opened by keys alone, and acted upon', async () => {
  const { page, wrong, close } = await tab(browser);
  await page.goto(`${server.at}/events`);
  await page.keyboard.press('Control+k');
  const dialog = page.getByRole('dialog', { name: 'Find' });
  await page.keyboard.type('web-3');
  await dialog.getByRole('option', { selected: true }).filter({ hasText: 'web-3' }).waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL(`${server.at}/hosts/web-3`);
  await dialog.waitFor({ state: 'detached' });
  // A slash does the same; what is done is told in place.
  await page.locator('h1').waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('web-4');
  await dialog.getByRole('option', { name: 'Poll now' }).waitFor();
  const count = await dialog
    .getByRole('group', { name: /^Hosts/ })
    .getByRole('option')
    .count();
  for (let step = 0; step < count; step += 1) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await dialog.getByRole('status').filter({ hasText: 'web-4: Ok' }).waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  // Labels and groups are found, too, and pages by two keys.
  await page.keyboard.press('Control+k');
  await page.keyboard.type('room=b2');
  await dialog.getByRole('option').filter({ hasText: 'web-1' }).waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await page.keyboard.press('g');
  await page.getByRole('status').filter({ hasText: 'A Alerts' }).waitFor();
  await page.keyboard.press('a');
  await page.waitForURL(`${server.at}/alerts`);
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).getByText('Find a host, page or action').waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test('density, columns and theme are the reader’s, and stay', async () => {
  const { page, close } = await tab(browser);
  await page.goto(server.at);
  await page.waitForSelector(HOSTS_UP);
  const high = () =>
    page
      .locator('.hosts tr.go')
      .first()
      .evaluate((row) => row.getBoundingClientRect().height);
  assert.equal(await high(), 36);
  await page.keyboard.press('d');
  await until('rows are closer', async () => (await high()) === 28);
  await page.locator('summary[aria-label=Columns]').click();
  await page.getByLabel('Last poll', { exact: true }).check();
  await page.getByLabel('Pressure', { exact: true }).uncheck();
  await page.locator('th[data-column=outcome]').waitFor();
  assert.equal(await page.locator('th[data-column=pressure]').count(), 0);
  await page.keyboard.press('t');
  await page.reload();
  await page.waitForSelector(HOSTS_UP);
  assert.equal(await high(), 28);
  await page.locator('th[data-column=outcome]').waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'light');
  await page.locator('summary[aria-label=Columns]').click();
  await page.getByRole('button', { name: 'As usual' }).click();
  await page.locator('th[data-column=pressure]').waitFor();
  await close();
});

test('nothing is cut or lies over something else, at four widths, in the light and in the dark', async () => {
  for (const width of WIDTHS) {
    for (const colorScheme of ['light', 'dark']) {
      const { page, close } = await tab(browser, { viewport: { width, height: 900 }, colorScheme });
      for (const path of ['/', '/?sort=cpu&colour=cpu', '/alerts', '/events', '/inventory', '/server']) {
        await page.goto(server.at + path);
        await (path.startsWith('/?') || path === '/'
          ? page.waitForSelector(HOSTS_UP)
          : page.locator('main .card:visible').first().waitFor());
        assert.deepEqual(await page.evaluate(outside), [], `${path} at ${width}, ${colorScheme}`);
      }
      await close();
    }
  }
});

test('a screen on a wall shows every host, without controls and without a scroll', async () => {
  const { page, wrong, close } = await tab(browser, { viewport: { width: 1920, height: 1080 } });
  await page.goto(`${server.at}/?wall`);
  await until('all hosts are there', async () => (await page.locator('.wcell').count()) === 20);
  const [wide, high] = await page.evaluate(() => [
    document.scrollingElement.scrollWidth - innerWidth,
    document.scrollingElement.scrollHeight - innerHeight,
  ]);
  assert.ok(wide <= 0 && high <= 0, `${wide} ${high}`);
  assert.equal(await page.locator('.head').isVisible(), false);
  for (const cell of await page.locator('.wcell').all()) {
    const box = await cell.boundingBox();
    assert.ok(box.height > 20 && box.y + box.height <= 1080, JSON.stringify(box));
  }
  assert.deepEqual(wrong, []);
  await close();
});

/** The relative luminance of a colour (WCAG 2.2). */
function luminance(hex) {
  const parts = hex.match(/[0-9a-f]{2}/gi).map((pair) => parseInt(pair, 16) / 255);
  const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
const contrast = (a, b) => {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
};

test('a wall of hundreds is filled by its cells, each group below its title', async () => {
  const { page, wrong, close } = await tab(browser, { viewport: { width: 1920, height: 1080 } });
  await frozen(page, (said, of) => {
    const [one] = said.hosts;
    said.hosts = Array.from({ length: 400 }, (_, at) => {
      const row = [...one];
      row[of('name')] = `host-${at}`;
      row[of('group')] = at % 3 ? 'web' : 'db';
      return row;
    });
  });
  await page.goto(`${server.at}/?wall`);
  await page.locator('.wmap canvas.heat').nth(1).waitFor();
  const boxes = await page.evaluate(() => {
    const boxOf = (one) => one.getBoundingClientRect().toJSON();
    return {
      wall: boxOf(document.querySelector('.wall')),
      place: boxOf(document.querySelector('.wmap')),
      groups: [...document.querySelectorAll('.wmap .cl')].map((one) =>
        ['h3', 'canvas'].map((name) => boxOf(one.querySelector(name))),
      ),
    };
  });
  assert.equal(boxes.wall.width, 1920);
  let covered = 0;
  for (const [title, cells] of boxes.groups) {
    assert.ok(title.bottom <= cells.top && Math.abs(title.left - cells.left) < 2, JSON.stringify(boxes));
    assert.ok(cells.bottom <= boxes.place.bottom, 'none is cut');
    covered += cells.width * cells.height;
  }
  assert.ok(covered > 0.5 * boxes.place.width * boxes.place.height, `${covered}`);
  assert.deepEqual(wrong, []);
  await close();
});

test('on a phone the later graphs of a host come when they are asked for', async () => {
  for (const [width, isPhone] of [
    [390, true],
    [1440, false],
  ]) {
    const { page, wrong, close } = await tab(browser, { viewport: { width, height: 844 } });
    await page.goto(`${server.at}/hosts/web-1`);
    const more = page.getByRole('button', { name: 'More charts' });
    await page.locator('.graphs .u-over').first().waitFor();
    assert.equal(await more.isVisible(), isPhone, `${width} px`);
    if (isPhone) {
      assert.equal(await page.locator('.charts.small > .late:visible').count(), 0);
      await more.click();
      assert.equal(await more.isVisible(), false);
    }
    await page.locator('.charts.small > .late .u-over').first().scrollIntoViewIfNeeded();
    assert.ok((await page.locator('.charts.small > .late:visible').count()) > 3);
    assert.deepEqual(wrong, []);
    await close();
  }
});

test('the tokens have the contrast that their names promise, in both themes', () => {
  const css = readFileSync(new URL('../tokens.css', import.meta.url), 'utf8');
  const pairs = css.matchAll(/--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g);
  const tokens = Object.fromEntries([...pairs].map(([, name, ...themes]) => [name, themes]));
  const states = ['up', 'degraded', 'suspect', 'down', 'pending', 'paused'];
  const wanted = [
    ...['ink', 'ink-2', 'ink-3', 'accent-ink'].flatMap((ink) =>
      ['bg', 'surface', 'raised'].map((on) => [ink, on, 4.5]),
    ),
    ...states.flatMap((state) => [
      [state, 'surface', 3],
      [`${state}-ink`, 'surface', 4.5],
      [`${state}-ink`, `${state}-soft`, 4.5],
    ]),
    ['on-accent', 'accent', 4.5],
    ['on-state', 'down', 4.5],
    ['on-degraded', 'degraded-fill', 4.5],
    ['calm-ink', 'calm', 4.5],
  ];
  for (const theme of [0, 1])
    for (const [ink, on, least] of wanted) {
      const found = contrast(tokens[ink][theme], tokens[on][theme]);
      assert.ok(
        found >= least,
        `${ink} on ${on}, ${theme ? 'dark' : 'light'}: ${found.toFixed(2)}, wanted ${least}`,
      );
    }
});

test('the connection is told: as soon as the server is gone, and since when', async () => {
  const fleet = await startFleet({ hosts: 3, interval: '1s' });
  const other = await startServer(fleet.inventory);
  const { page, close } = await tab(browser);
  await page.goto(other.at);
  await page.locator('#pulse', { hasText: /^Live$/ }).waitFor();
  const began = Date.now();
  await other.stop('SIGKILL');
  await page.locator('#pulse.again, #pulse.away').waitFor();
  console.log(`the loss is shown after ${Date.now() - began} ms`);
  await page.locator('#pulse.away', { hasText: /^Offline since \d\d:\d\d$/ }).waitFor();
  await fleet.stop();
  await close();
});
