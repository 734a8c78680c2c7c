// What the page says of a server that is cut off, or has no store; and that thousands of hosts are none.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  endAll,
  HOSTS_UP,
  SLACK,
  startBrowser,
  startFleet,
  startMariadb,
  startServer,
  tab,
  tabBytes,
  until,
} from './harness.mjs';

/** What is promised: a fleet of 5,000 can be worked with so soon after navigation, ms, and in so much memory. */
const INTERACTIVE_MS = 2_000;
const TAB_BYTES = 150e6;

let browser;
before(async () => {
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  endAll();
});

test('a server that is cut off says so, since when, and lets every state be until answers return', async () => {
  const fleet = await startFleet({ hosts: 20, interval: '1s' });
  const server = await startServer(fleet.inventory);
  await until('all hosts are up', async () => (await server.json('/api/v1/fleet')).counts.up === 20);
  const { page, wrong, close } = await tab(browser);
  await page.goto(server.at);
  await page.waitForSelector(HOSTS_UP);
  await page.evaluate(() => {
    globalThis.sameDocument = true;
  });
  const banner = page.locator('#banners .grave', { hasText: 'Isolated since' });
  assert.equal(await banner.count(), 0);
  const began = Date.now();
  await fleet.set('all', 'hang-before-accept');
  await banner.waitFor();
  const said = await banner.textContent();
  assert.match(said, /States stay as they are/);
  const since = new Date(/since ([\d-]+ [\d:]+):/.exec(said)[1].replace(' ', 'T')).getTime();
  assert.ok(since >= began - 1_000 && since <= Date.now(), `${said} began ${new Date(began)}`);
  assert.equal(await page.evaluate(() => globalThis.sameDocument), true, 'no reload');
  // More polls fail than would make any host of the fleet down.
  const [
    {
      polling: { polls },
    },
    { counts },
  ] = await Promise.all([server.json('/api/v1/server'), server.json('/api/v1/fleet')]);
  await until(
    'every host has failed five times more',
    async () => (await server.json('/api/v1/server')).polling.polls >= polls + 100,
  );
  assert.deepEqual((await server.json('/api/v1/fleet')).counts, counts);
  const { events } = await server.json('/api/v1/events?limit=500');
  assert.deepEqual(
    events.filter((event) => event.to === 'down'),
    [],
  );
  assert.equal(await page.locator(':is(.trouble-list, .hosts tbody) .dot.down').count(), 0);
  // A page that is opened now says it, too, and so does a host's.
  await page.goto(`${server.at}/hosts/web-2`);
  await banner.waitFor();
  await page.goto(`${server.at}/events`);
  const own = page.getByRole('link', { name: 'the server', exact: true });
  await own.waitFor();
  assert.equal(await own.getAttribute('href'), '/server');
  await banner.waitFor();
  await page.evaluate(() => {
    globalThis.sameDocument = true;
  });
  await fleet.set('all', 'healthy');
  await banner.waitFor({ state: 'detached' });
  // That it is over comes in by itself, too.
  await own.nth(1).waitFor();
  await page.getByRole('link', { name: 'Fleet', exact: true }).click();
  await page.locator('.chip', { hasText: 'up20' }).waitFor();
  assert.equal(await page.evaluate(() => globalThis.sameDocument), true, 'no reload');
  assert.deepEqual(wrong, []);
  await close();
  await server.stop('SIGKILL');
  await fleet.stop();
});

test('while the store is away its banner is shown, and the live view goes on', async () => {
  const fleet = await startFleet({ hosts: 10, interval: '1s' });
  const mariadb = await startMariadb();
  const server = await startServer(fleet.inventory, `[store]\nurl = "${mariadb.url}"\n`);
  await until('the hosts are up', async () => (await server.json('/api/v1/fleet')).counts.up === 10);
  const { page, close } = await tab(browser);
  await page.goto(server.at);
  await page.waitForSelector(HOSTS_UP);
  await mariadb.stop('SIGKILL');
  await page.locator('#banners .grave', { hasText: 'The store is away' }).waitFor();
  await fleet.set('web-2', 'refuse');
  await page.locator('.trouble-list li', { hasText: 'web-2' }).locator('.dot.down').waitFor();
  // A page that is opened now shows what the server has in memory.
  await page.goto(`${server.at}/hosts/web-1`);
  await page.locator('.hosthead .pill.up').waitFor();
  await page.locator('.cores').waitFor();
  const said = page.locator('#banners .grave', { hasText: 'The store is away' });
  await said.waitFor();
  // Once is enough: in the banner, and nowhere in the store's own words again.
  await page.getByText('This is not shown while the store is away.').nth(2).waitFor();
  const error = (await server.json('/api/v1/fleet')).server.store_error;
  assert.ok(error.length > 20, error);
  assert.equal(
    await page
      .locator('main')
      .evaluate((main, words) => main.textContent.split(words).length - 1, error.slice(0, 20)),
    0,
  );
  assert.equal(
    await page.getByText('This is not shown while the store is away.').count(),
    3,
    'charts, events, attempts',
  );
  await close();
  await server.stop('SIGKILL');
  await fleet.stop();
});

test('five thousand hosts can be worked with at once, in little memory', async () => {
  const fleet = await startFleet({ hosts: 5_000, interval: '60s', behave: ['1%=refuse'] });
  const server = await startServer(fleet.inventory);
  await until('some hosts are up', async () => (await server.json('/api/v1/fleet')).counts.up >= 200);
  const { page, wrong, close } = await tab(browser);
  const began = Date.now();
  await page.goto(server.at, { waitUntil: 'commit' });
  await page.locator('#hosts .badge', { hasText: /^5000$/ }).waitFor();
  await page.getByLabel('Filter hosts').fill('db-49');
  await page.locator('#hosts .badge', { hasText: 'of 5000 hosts' }).waitFor();
  await page.waitForFunction(
    () =>
      [...document.querySelectorAll('[data-column=name] a')].every((link) =>
        link.textContent.startsWith('db-49'),
      ) && document.querySelectorAll('[data-column=name] a').length > 5,
  );
  const took = Date.now() - began;
  await page.getByLabel('Filter hosts').fill('');
  await page.locator('#hosts').evaluate((one) => one.scrollIntoView());
  await page.waitForFunction(() => document.querySelectorAll('[data-column=name] a').length > 15);
  // Some seconds of changes, so that what they leave behind would be seen.
  const polls = async () => (await server.json('/api/v1/server')).polling.polls;
  const first = await polls();
  await until('more polls came in', async () => (await polls()) > first + 300);
  const debug = await page.context().newCDPSession(page);
  await debug.send('HeapProfiler.collectGarbage');
  const { usedSize } = await debug.send('Runtime.getHeapUsage');
  const whole = await tabBytes(browser);
  const sizes = `${(usedSize / 1e6).toFixed(1)} MB of heap, ${(whole / 1e6).toFixed(0)} MB of the tab's process`;
  console.log(`5,000 hosts: interactive after ${took} ms, ${sizes}`);
  assert.ok(took < INTERACTIVE_MS * SLACK, `${took} ms`);
  assert.ok(whole < TAB_BYTES, `${whole} bytes`);
  assert.deepEqual(wrong, []);
  await close();
  await server.stop('SIGKILL');
  await fleet.stop();
});
