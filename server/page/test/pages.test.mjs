// Every page over a small fleet: what it is for, for everybody, on every screen.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import {
  endAll,
  HOSTS_UP,
  PAGES,
  REFUSES,
  shown,
  startBrowser,
  startServer,
  startSmall,
  tab,
} from './harness.mjs';
import { grave } from './sight.mjs';

/** A phone, and how high what is touched has to be there (WCAG 2.2, 2.5.8), px. */
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const TOUCHED_PX = 24;
/** How high the bar of pages is at the foot of a phone, px. */
const TABS_PX = 56;
/** How long the page waits for a server that says nothing, ms, and somewhat more. */
const SILENCE = 8_000;
/** How long a stream that has ended may take to come back, ms, and somewhat more. */
const TAKEN_UP = 3_000;

let browser;
let fleet;
let server;
before(async () => {
  browser = await startBrowser();
  ({ fleet, server } = await startSmall());
});
after(async () => {
  await browser?.close();
  endAll();
});

test('every page says what it is for, without an error in the console', async () => {
  const { page, wrong, close } = await tab(browser);
  for (const path of PAGES) {
    const answer = await page.goto(server.at + path);
    const policy = answer.headers()['content-security-policy'];
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/, path);
    await shown(page, path);
    assert.equal(await page.locator('h1').count(), 1, path);
  }
  assert.deepEqual(wrong, []);
  await close();
});

test('what marks a host leaves its row as high as any other', async () => {
  const { page, close } = await tab(browser);
  await page.goto(`${server.at}/?q=web&sort=cpu`);
  await page.locator('.hosts tr.go', { hasText: 'web-11' }).locator('.mark').first().waitFor();
  const heights = await page.locator('.hosts tr.go').evaluateAll((all) => all.map((row) => row.offsetHeight));
  assert.equal(new Set(heights).size, 1, heights.join());
  await close();
});

test('nobody is shut out: axe finds nothing serious, in the light or in the dark', async () => {
  const { page, close } = await tab(browser, { colorScheme: 'light' });
  for (const path of [...PAGES, `/hosts/${REFUSES}`, '/hosts/nobody']) {
    await page.emulateMedia({ colorScheme: 'light' });
    await page.goto(server.at + path);
    await shown(page, path);
    assert.deepEqual(await grave(page), [], `${path} light`);
    // In the dark the same elements have other colours.
    await page.emulateMedia({ colorScheme: 'dark' });
    assert.deepEqual(await grave(page, ['color-contrast']), [], `${path} dark`);
  }
  await close();
});

test('on a phone no page is wider than the screen, and what is touched is large enough', async () => {
  const { page, close } = await tab(browser, PHONE);
  for (const path of [...PAGES, '/hosts/web-11', '/hosts/web-12', '/hosts/nobody', '/events?text=img']) {
    await page.goto(server.at + path);
    await shown(page, path);
    const wide = await page.evaluate(() => ({
      page: document.scrollingElement.scrollWidth,
      screen: innerWidth,
    }));
    assert.equal(wide.screen, PHONE.viewport.width, `${path}: the browser made room`);
    assert.ok(wide.page <= wide.screen, `${path}: ${wide.page} px`);
    const small = await page.evaluate(
      (least) =>
        [...document.querySelectorAll('a, button, select, input, [role=button]')]
          // Of some the whole of the row, or the tile, is touched.
          .map((one) => [
            one.outerHTML.slice(0, 120),
            one.matches('.cover') ? one.closest('li, tr, .tile') : one,
            one,
          ])
          .map(([markup, touched, one]) => [markup, touched.getBoundingClientRect().height, one])
          .filter(([, high, one]) => one.checkVisibility() && !one.matches('.skip') && high < least)
          .map(([markup, high]) => `${high} px: ${markup}`),
      TOUCHED_PX,
    );
    assert.deepEqual(small, [], path);
  }
  await close();
});

test('on a phone what matters of a host is seen without a scroll to the side', async () => {
  const { page, close } = await tab(browser, PHONE);
  await page.goto(`${server.at}/?sort=name`);
  const row = page.locator('tbody tr', { has: page.locator('a[href="/hosts/web-1"]') });
  await row.locator('.dot.up').waitFor();
  for (const column of ['name', 'cpu', 'memory', 'disk']) {
    for (const cell of [
      row.locator(`td[data-column=${column}]`),
      page.locator(`th[data-column=${column}]`),
    ]) {
      const box = await cell.boundingBox();
      assert.ok(
        box && box.x >= 0 && box.x + box.width <= PHONE.viewport.width,
        `${column}: ${JSON.stringify(box)}`,
      );
      assert.ok(
        await cell.evaluate((one) => one.innerText.trim() && one.scrollWidth <= one.clientWidth),
        `${column} is cut`,
      );
    }
  }
  assert.ok(
    await page
      .getByRole('region', { name: 'Hosts', exact: true })
      .evaluate((one) => one.scrollWidth <= one.clientWidth),
  );
  // Rows are as high as the part of the list that is not drawn takes them for.
  await page.locator('[data-column=name] a').first().focus();
  await page.keyboard.press('End');
  await page.waitForFunction(() => document.activeElement.textContent === 'web-15');
  const [region, last] = await Promise.all([
    page.getByRole('region', { name: 'Hosts', exact: true }).boundingBox(),
    page.locator('.hosts').getByRole('link', { name: 'web-15', exact: true }).boundingBox(),
  ]);
  assert.ok(
    last.y >= region.y &&
      last.y + last.height <= Math.min(region.y + region.height, page.viewportSize().height - TABS_PX),
    JSON.stringify([region, last]),
  );
  assert.deepEqual(await grave(page), []);
  await close();
});

test('on a phone a change of state is read without a scroll to the side, reason and all', async () => {
  const { page, close } = await tab(browser, PHONE);
  // Of all hosts a table, of one host a list.
  const places = [
    ['/events', 'table.changes tbody tr', 'td', 4],
    [`/hosts/${REFUSES}`, '.evs li', 'time, b, p > span', 3],
  ];
  for (const [path, row, cell, least] of places) {
    await page.goto(server.at + path);
    const rows = page.locator(row);
    await rows.first().waitFor();
    const cells = await rows
      .first()
      .locator(cell)
      .evaluateAll((all) =>
        all.map((one) => [
          one.textContent,
          one.getBoundingClientRect().left,
          one.getBoundingClientRect().right,
        ]),
      );
    assert.ok(cells.length >= least && cells.every(([words]) => words), JSON.stringify(cells));
    assert.ok(
      cells.every(([, left, right]) => left >= 0 && right <= PHONE.viewport.width),
      JSON.stringify(cells),
    );
  }
  await close();
});

test('what a hostile probe calls things is text', async () => {
  const { page, wrong, close } = await tab(browser);
  const markup = `<img src=x onerror="document.title='owned'">`;
  await page.goto(`${server.at}/hosts/web-11`);
  for (const region of ['Interfaces', 'Disks', 'Filesystems']) {
    await page.getByRole('region', { name: region }).filter({ hasText: markup }).waitFor();
  }
  // Its hostname and the words of the family that reports an error.
  await page.locator('dd', { hasText: markup }).first().waitFor();
  await page.locator('p', { hasText: markup }).first().waitFor();
  await page.goto(`${server.at}/hosts/web-1`);
  await page.locator('.tag', { hasText: "rack=<script>document.title='owned'</script>" }).waitFor();
  await page.goto(`${server.at}/events?text=img`);
  await page.locator('td', { hasText: markup }).first().waitFor();
  assert.equal(await page.locator('main img, main script').count(), 0);
  assert.doesNotMatch(await page.title(), /owned/);
  // Even what becomes an element may not run: its policy is the page's own.
  const ran = await page.evaluate(async () => {
    const place = document.createElement('div');
    place.innerHTML = `<img src="/nowhere" onerror="document.title='owned'">`;
    document.body.append(place);
    await new Promise((resolve) => {
      place.firstChild.addEventListener('error', () => setTimeout(resolve));
    });
    return document.title;
  });
  assert.notEqual(ran, 'owned');
  // The last step alone is one that the console tells of.
  assert.equal(
    wrong.filter((words) => !/Content Security Policy|nowhere/.test(words)).length,
    0,
    wrong.join('\n'),
  );
  await close();
});

test('what is wrong with the server’s own clock is told on every page', async () => {
  const { page, close } = await tab(browser);
  const fleetNow = await server.json('/api/v1/fleet');
  fleetNow.server.own_clock = "this server's clock is wrong: those of 7 hosts are 1h ahead of it";
  await page.route('**/api/v1/stream', (route) =>
    route.fulfill({
      contentType: 'text/event-stream',
      body: `event: fleet\ndata: ${JSON.stringify(fleetNow)}\n\n`,
    }),
  );
  await page.goto(`${server.at}/events`);
  await page
    .locator('#banners .grave', {
      hasText: "This server's clock is wrong: those of 7 hosts are 1h ahead of it.",
    })
    .waitFor();
  await close();
});

test('events come in by themselves, and older ones on demand', async () => {
  const { page, wrong, close } = await tab(browser);
  await page.goto(`${server.at}/events?text=app-6`);
  await page.waitForSelector('main table tbody tr');
  await fleet.set('app-6', 'refuse');
  await page.locator('tbody tr .dot.down').first().waitFor();
  await fleet.set('app-6', 'healthy');
  assert.deepEqual(wrong, []);
  await close();
});

test('an event that is in the store only after the page was opened is shown', async () => {
  const { page, wrong, close } = await tab(browser);
  const none = { json: { events: [], more: false } };
  await page.route(/api\/v1\/events\?/, (route) => route.fulfill(none), { times: 1 });
  await page.goto(`${server.at}/events`);
  await page.getByText('No change in this period').waitFor();
  await page.locator('main table tbody tr').first().waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test('in a window of 1400 px the fleet has all its columns, and no title is cut', async () => {
  const { page, close } = await tab(browser, { viewport: { width: 1400, height: 900 } });
  await page.goto(server.at);
  await page.waitForSelector(HOSTS_UP);
  await page.locator('.trouble-list li', { hasText: 'Containers is partial' }).waitFor();
  const [wide, room] = await page
    .getByRole('region', { name: 'Hosts', exact: true })
    .evaluate((one) => [one.scrollWidth, one.clientWidth]);
  assert.ok(wide <= room, `${wide} px in ${room}`);
  const titles = await page
    .locator('.hosts thead th')
    .evaluateAll((all) => all.filter((one) => one.checkVisibility()).length);
  assert.equal(titles, 10);
  const cut = await page
    .locator('thead th')
    .evaluateAll((all) =>
      all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent),
    );
  assert.deepEqual(cut, []);
  await close();
});

test('the server’s own page says what a poll costs, and how many hosts there are once that is known', async () => {
  const { page, close } = await tab(browser);
  // What is asked again after some time would bring it, too.
  await page.addInitScript(() => {
    globalThis.setInterval = () => 0;
  });
  let release;
  const released = new Promise((resolve) => {
    release = resolve;
  });
  await page.route('**/api/v1/stream', async (route) => {
    await released;
    await route.continue();
  });
  await page.goto(`${server.at}/server`);
  await page
    .locator('div', { hasText: /^CPU per poll, all threads[\d.]+ (µs|ms)$/ })
    .last()
    .waitFor();
  release();
  const polling = page.locator('section', { has: page.getByRole('heading', { name: 'Polling' }) });
  await polling.locator('div', { hasText: /^Hosts20$/ }).waitFor();
  await close();
});

test('the server’s own page is not green above polls that were lost', async () => {
  const { page, close } = await tab(browser);
  const said = await server.json('/api/v1/server');
  said.writer.dropped = 5;
  said.warnings = ['5 polls that were not kept are gone'];
  await page.route('**/api/v1/server', (route) => route.fulfill({ json: said }));
  await page.goto(`${server.at}/server`);
  const verdict = page.locator('section', { hasText: 'Healthy, with warnings' });
  await verdict.getByText('5 polls that were not kept are gone').waitFor();
  await verdict.locator('.dot.degraded').waitFor();
  assert.equal(await page.locator('main .dot.up').count(), 0);
  await page
    .locator('section', { hasText: 'Writing' })
    .locator('div', { hasText: /^Rows lost5$/ })
    .waitFor();
  await close();
});

test('a file that is wrong is told on every page; one that is right says what it changed', async () => {
  const { page, wrong, close } = await tab(browser);
  const good = readFileSync(server.files.inventory, 'utf8');
  await page.goto(`${server.at}/inventory`);
  await shown(page, '/inventory');
  writeFileSync(server.files.inventory, `${good}\n[[hots]]\n`);
  await page.locator('#banners', { hasText: 'not in force' }).waitFor();
  await page.getByRole('heading', { name: 'The file is not in force' }).waitFor();
  writeFileSync(server.files.inventory, good.replace('name = "db-19"', 'name = "db-new"'));
  await page.getByText('1 added:').waitFor();
  await page.getByText('1 taken out:').waitFor();
  await page.locator('#banners', { hasText: 'not in force' }).waitFor({ state: 'hidden' });
  assert.deepEqual(wrong, []);
  await close();
});

test('a server that hangs is told, and that it is back', async () => {
  const other = await startServer(fleet.inventory);
  const { page, close } = await tab(browser);
  await page.clock.install();
  await page.goto(other.at);
  await page.waitForSelector('[data-column=name] a');
  await page.locator('#pulse', { hasText: 'Live' }).waitFor();
  // Its connections stay open, and nothing comes.
  other.child.kill('SIGSTOP');
  await page.clock.fastForward(SILENCE);
  await page.locator('#pulse', { hasText: /^Offline since \d\d:\d\d$/ }).waitFor();
  await page.locator('#banners', { hasText: 'Offline since' }).waitFor();
  other.child.kill('SIGCONT');
  await page.locator('#pulse', { hasText: 'Live' }).waitFor();
  await page.locator('#banners', { hasText: 'Offline since' }).waitFor({ state: 'hidden' });
  await close();
  await other.stop('SIGKILL');
});

test('the page is no longer live once the server has ended, and what was known stays', async () => {
  const other = await startServer(fleet.inventory);
  const { page, close } = await tab(browser);
  await page.clock.install();
  await page.goto(other.at);
  await page.locator('#pulse', { hasText: 'Live' }).waitFor();
  await other.stop('SIGKILL');
  await page.locator('#pulse', { hasText: 'Reconnecting' }).waitFor();
  // Taken up again within some seconds it would be nothing to tell.
  await page.clock.fastForward(TAKEN_UP);
  await page.locator('#banners', { hasText: 'Offline since' }).waitFor();
  await page.locator('#pulse', { hasText: 'Offline since' }).waitFor();
  await page.waitForSelector('[data-column=name] a');
  await close();
});
