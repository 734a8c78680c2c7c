// The page in a real browser, over a real server and a fleet of fake probes.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import {
  endAll,
  firstChart,
  folder,
  startBrowser,
  startFleet,
  startMariadb,
  startServer,
  tab,
  tabBytes,
  until,
} from './harness.mjs';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** What is promised: a fleet of 5,000 can be worked with so soon after navigation, ms, and in so much memory. */
const INTERACTIVE_MS = 2_000;
const TAB_BYTES = 150e6;
/** The promise is of a release build on a machine at rest; here a debug build shares two cores with its fleet. */
const SLACK = 3;

/** A phone, and how high what is touched has to be there (WCAG 2.2, 2.5.8), px. */
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const TOUCHED_PX = 24;

/** Every page, on a host that is well. */
const PAGES = ['/', '/?q=web&sort=cpu&colour=cpu', '/hosts/web-1', '/events', '/inventory', '/server'];
/** The one whose probe is not there. */
const REFUSES = 'web-12';
const HOSTS_UP = 'tr:has(.dot.up)';

let browser;
before(async () => {
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  endAll();
});

/** Waits until the page has something to say. */
async function shown(page, path) {
  if (path.startsWith('/hosts/')) await page.waitForSelector('.u-legend');
  else if (path.startsWith('/events')) await page.waitForSelector('main table tbody tr');
  else if (path.startsWith('/inventory')) await page.waitForSelector('main pre');
  else if (path.startsWith('/server')) await page.waitForSelector('main dl');
  else await page.waitForSelector(HOSTS_UP);
}

describe('a small fleet', () => {
  let fleet;
  let server;
  before(async () => {
    fleet = await startFleet({ hosts: 20, interval: '1s', behave: ['#11=markup', '#12=refuse'] });
    const label =
      'name = "web-1"\nlabels = { room = "b2", rack = "<script>document.title=\'owned\'</script>" }\n';
    server = await startServer(fleet.inventory.replace('name = "web-1"\n', label));
    await until('most hosts are up', async () => (await server.json('/api/v1/fleet')).counts.up >= 18);
  });
  after(async () => {
    await server?.stop();
    await fleet?.stop();
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

  test('nobody is shut out: axe finds nothing serious, in the light or in the dark', async () => {
    for (const colorScheme of ['light', 'dark']) {
      const { page, close } = await tab(browser, { colorScheme });
      for (const path of [...PAGES, '/hosts/web-12', '/hosts/nobody']) {
        await page.goto(server.at + path);
        await (path === '/hosts/nobody' ? page.getByText('no host is called').waitFor() : shown(page, path));
        // By the debugger, which no Content-Security-Policy is for.
        await page.evaluate(readFileSync(AXE, 'utf8'));
        const { violations } = await page.evaluate(() => globalThis.axe.run());
        const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
        assert.deepEqual(
          grave.map(({ id, nodes }) => [id, ...nodes.map((node) => node.html).slice(0, 3)]),
          [],
          `${path} ${colorScheme}`,
        );
      }
      await close();
    }
  });

  test('on a phone no page is wider than the screen, and what is touched is large enough', async () => {
    const { page, close } = await tab(browser, PHONE);
    for (const path of [...PAGES, '/hosts/web-11', '/hosts/web-12', '/hosts/nobody', '/events?text=img']) {
      await page.goto(server.at + path);
      await (path === '/hosts/nobody' ? page.getByText('no host is called').waitFor() : shown(page, path));
      const wide = await page.evaluate(() => ({
        page: document.scrollingElement.scrollWidth,
        screen: innerWidth,
      }));
      assert.equal(wide.screen, PHONE.viewport.width, `${path}: the browser made room`);
      assert.ok(wide.page <= wide.screen, `${path}: ${wide.page} px`);
      const small = await page.evaluate(
        (least) =>
          [...document.querySelectorAll('a, button, select, input, [role=button]')]
            .map((one) => [one.outerHTML.slice(0, 120), one.getBoundingClientRect().height, one])
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
    for (const column of ['name', 'state', 'outcome', 'cpu', 'memory']) {
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
      await page.getByRole('region', { name: 'Hosts' }).evaluate((one) => one.scrollWidth <= one.clientWidth),
    );
    // Rows are as high as the part of the list that is not drawn takes them for.
    await page
      .getByRole('link', { name: 'build-20', exact: true })
      .or(page.locator('tbody a'))
      .first()
      .focus();
    await page.keyboard.press('End');
    await page.waitForFunction(() => document.activeElement.textContent === 'web-15');
    const [region, last] = await Promise.all([
      page.getByRole('region', { name: 'Hosts' }).boundingBox(),
      page.getByRole('link', { name: 'web-15', exact: true }).boundingBox(),
    ]);
    assert.ok(
      last.y >= region.y && last.y + last.height <= region.y + region.height,
      JSON.stringify([region, last]),
    );
    await page.evaluate(readFileSync(AXE, 'utf8'));
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    assert.deepEqual(
      violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => [id, nodes[0].html]),
      [],
    );
    await close();
  });

  test('on a phone a change of state is read without a scroll to the side, reason and all', async () => {
    const { page, close } = await tab(browser, PHONE);
    for (const path of ['/events', `/hosts/${REFUSES}`]) {
      await page.goto(server.at + path);
      const rows = page.locator('table.changes tbody tr');
      await rows.first().waitFor();
      const cells = await rows
        .first()
        .locator('td')
        .evaluateAll((all) =>
          all.map((one) => [
            one.textContent,
            one.getBoundingClientRect().left,
            one.getBoundingClientRect().right,
          ]),
        );
      assert.ok(cells.length >= 4 && cells.every(([words]) => words), JSON.stringify(cells));
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
      await page.locator(`[data-keep="${region}"]`, { hasText: markup }).waitFor();
    }
    // Its hostname and the words of the family that reports an error.
    await page.locator('dd', { hasText: markup }).first().waitFor();
    await page.locator('p', { hasText: markup }).first().waitFor();
    await page.goto(`${server.at}/hosts/web-1`);
    await page.locator('dd', { hasText: "rack=<script>document.title='owned'</script>" }).waitFor();
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

  test('a host that goes down shows within one poll, on the page as it is', async () => {
    const { page, wrong, close } = await tab(browser);
    await page.goto(server.at);
    const row = page.locator('tr', { hasText: 'web-3' }).first();
    await row.locator('.dot.up').waitFor();
    await page.evaluate(() => {
      globalThis.sameDocument = true;
    });
    const began = Date.now();
    await fleet.set('web-3', 'refuse');
    await row.locator('.dot.suspect, .dot.down').waitFor();
    const saw = Date.now();
    const { events } = await until('the change is kept', async () => {
      const kept = await server.json('/api/v1/hosts/web-3/events?limit=9');
      return kept.events.some((event) => event.at_ms >= began) && kept;
    });
    const happened = Math.min(...events.filter((event) => event.at_ms >= began).map((event) => event.at_ms));
    console.log(
      `shown ${saw - happened} ms after the poll that failed, ${saw - began} ms after the host died`,
    );
    // The live view is looked at once a second; the rest is slack for a machine that is busy.
    assert.ok(saw - happened < 1_000 * SLACK, `${saw - happened} ms`);
    await row.locator('.dot.down').waitFor();
    assert.equal(await page.evaluate(() => globalThis.sameDocument), true, 'no reload');
    await fleet.set('web-3', 'healthy');
    await row.locator('.dot.up').waitFor();
    assert.deepEqual(wrong, []);
    await close();
  });

  test('zooming asks for finer points, and the address holds the view', async () => {
    const { page, wrong, close } = await tab(browser);
    const steps = [];
    page.on('response', async (answer) => {
      if (!answer.url().includes('/series')) return;
      // One that is under way when the tab is closed has no body any more.
      const series = await answer.json().catch(() => null);
      if (series) steps.push(series.step_ms);
    });
    await page.goto(`${server.at}/hosts/web-1?range=6h`);
    const chart = await firstChart(page);
    const coarse = await until('the charts are asked for', () => steps[0]);
    const plot = await until('the plot has its place', () => chart.locator('.u-over').boundingBox());
    steps.length = 0;
    const entries = await page.evaluate(() => history.length);
    await page.mouse.move(plot.x + plot.width * 0.9, plot.y + 40);
    await page.mouse.down();
    await page.mouse.move(plot.x + plot.width * 0.97, plot.y + 40, { steps: 5 });
    await page.mouse.up();
    await page.waitForURL(/from=\d+&to=\d+/);
    assert.equal(await page.evaluate(() => history.length), entries + 1, 'one drag is one entry');
    const fine = await until('they are asked for again', () => steps.find((step) => step < coarse));
    console.log(`a point is ${coarse} ms, zoomed in ${fine} ms`);
    const address = page.url();
    await page.getByRole('button', { name: 'Zoom out' }).click();
    await page.waitForFunction((before) => location.href !== before, address);
    await page.goBack();
    assert.equal(page.url(), address);
    await page.getByRole('button', { name: 'Zoom out' }).waitFor();
    // By two clicks and by a key, too.
    const wide = () => {
      const asked = new URL(page.url()).searchParams;
      return Number(asked.get('to')) - Number(asked.get('from'));
    };
    for (const out of [() => chart.locator('.u-over').dblclick(), () => page.keyboard.press('Escape')]) {
      const before = wide();
      assert.ok(before > 0);
      await out();
      await until('more is shown', () => wide() > before);
    }
    assert.deepEqual(wrong, []);
    await close();
  });

  test('a host is opened by its row, and one that nobody knows leads on', async () => {
    const { page, close } = await tab(browser);
    await page.goto(server.at);
    await page
      .locator('tr', { has: page.getByRole('link', { name: 'web-4', exact: true }) })
      .locator('td[data-column=load]')
      .click();
    await page.waitForURL(`${server.at}/hosts/web-4`);
    await page.goto(`${server.at}/hosts/wbe-4`);
    await page.getByText('no host is called').waitFor();
    await page.locator('main').getByRole('link', { name: 'All hosts' }).waitFor();
    await page
      .locator('main')
      .getByRole('link', { name: /^\w+-\d+$/ })
      .click();
    await page.locator('.badge .dot').waitFor();
    await close();
  });

  test('no label of an axis is cut, and no bar touches its number', async () => {
    const { page, close } = await tab(browser);
    await page.goto(`${server.at}/hosts/web-1?range=15m`);
    const chart = await firstChart(page);
    // The widest label there is, at the very end of the axis, has room: half of it lies right of the plot.
    const room = await chart.locator('.u-over').evaluate((over) => {
      const pen = document.createElement('canvas').getContext('2d');
      pen.font = '11px system-ui, sans-serif';
      const wide = pen.measureText('00:00:00').width;
      const [plot, whole] = [over, over.parentElement].map((one) => one.getBoundingClientRect());
      return { left: whole.right - plot.right, wanted: wide / 2 };
    });
    assert.ok(room.left >= room.wanted, JSON.stringify(room));
    await page.goto(server.at);
    await page.waitForSelector(HOSTS_UP);
    const touching = await page.locator('td.meter').evaluateAll(
      (cells) =>
        cells.filter((cell) => {
          cell.classList.add('hot');
          cell.textContent = '100 %';
          const range = document.createRange();
          range.selectNodeContents(cell);
          const style = getComputedStyle(cell);
          const bar =
            cell.getBoundingClientRect().left +
            10 +
            Number(/calc\(100% - (\d+)px\)/.exec(style.backgroundSize)?.[1] ?? NaN) * -1 +
            cell.getBoundingClientRect().width;
          return !(range.getBoundingClientRect().left - bar >= 4);
        }).length,
    );
    assert.equal(touching, 0);
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

  test('the strip of states lies under the lines, moment under moment, when the window changes too', async () => {
    const { page, close } = await tab(browser);
    await page.goto(`${server.at}/hosts/web-1`);
    const chart = await firstChart(page);
    for (const width of [1400, 900, 420]) {
      await page.setViewportSize({ width, height: 900 });
      await until(`they are one above the other at ${width}`, async () => {
        const [plot, strip] = await Promise.all(
          ['.u-over', 'canvas.band'].map((one) => chart.locator(one).boundingBox()),
        );
        return (
          plot &&
          strip &&
          Math.abs(plot.x - strip.x) <= 1 &&
          Math.abs(plot.width - strip.width) <= 1 &&
          strip.y >= plot.y + plot.height
        );
      });
    }
    await close();
  });

  test('a line that was switched off stays off while values come in', async () => {
    const { page, wrong, close } = await tab(browser);
    let answers = 0;
    page.on('response', (answer) => {
      answers += Number(answer.url().includes('/series'));
    });
    await page.goto(`${server.at}/hosts/web-1?range=15m`);
    // By its value, then back and off again by its name.
    const chart = await firstChart(page);
    const line = chart.locator('.u-legend .u-series').nth(1);
    const off = page.locator('.u-legend .u-series.u-off');
    await line.locator('td').click();
    await off.waitFor();
    await line.locator('th').click();
    await off.waitFor({ state: 'detached' });
    await line.locator('th').click();
    await off.waitFor();
    const plot = await chart.locator('.uplot').elementHandle();
    const before = answers;
    await until('the charts are asked for twice more', () => answers > before + 4);
    assert.ok(await plot.evaluate((one) => one.isConnected), 'the plot is the same');
    assert.equal(await off.count(), 1);
    assert.deepEqual(wrong, []);
    await close();
  });

  test('a gap says which outcomes made it, in the chart, under it and in the ledger', async () => {
    const { page, wrong, close } = await tab(browser);
    await page.goto(`${server.at}/hosts/${REFUSES}?range=15m`);
    const chart = await firstChart(page);
    await until('the cursor is over a gap', async () => {
      const plot = await chart.locator('.u-over').boundingBox();
      // A host that is down is not asked all the time: some of the last moments have an attempt.
      for (let back = 2; plot && back < 120; back += 3) {
        await page.mouse.move(plot.x + plot.width - back, plot.y + 30);
        if (
          /failed: refused/.test(
            await page
              .locator('.gap:visible')
              .first()
              .textContent({ timeout: 50 })
              .catch(() => ''),
          )
        )
          return true;
      }
      return false;
    });
    // Charts have one cursor.
    await page.locator('.gap', { hasText: 'failed: refused' }).nth(3).waitFor();
    await until('the strip tells it, too', async () => {
      const strip = await chart.locator('canvas.band').boundingBox();
      for (let back = 2; strip && back < 120; back += 3) {
        await page.mouse.move(strip.x + strip.width - back, strip.y + 4);
        if (
          (await page.locator('.tip').allTextContents()).some((words) => /polls failed: refused/.test(words))
        )
          return true;
      }
      return false;
    });
    await page.locator('h2 + .soft', { hasText: /failed: refused ×/ }).waitFor();
    const rows = page.getByRole('region', { name: 'Attempts' }).locator('tbody tr');
    await page.goto(`${server.at}/hosts/web-1?range=15m`);
    await rows.first().waitFor();
    await page.getByRole('button', { name: 'Failed only' }).click();
    await rows.first().waitFor({ state: 'detached' });
    assert.deepEqual(wrong, []);
    await close();
  });

  test('a span of one’s own is typed, is in the address, and the ledger follows it', async () => {
    const { page, wrong, close } = await tab(browser);
    await page.goto(`${server.at}/hosts/web-1`);
    await page.getByRole('button', { name: 'From … to …' }).click();
    await page.getByLabel('From', { exact: true }).fill('2026-01-02T03:04:05');
    await page.getByLabel('To', { exact: true }).fill('2026-01-02T03:04:00');
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await page.getByText('before the second').waitFor();
    await page.getByLabel('To', { exact: true }).fill('2026-01-02T04:04:05');
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await page.getByText('Attempts in this span').waitFor();
    const asked = new URL(page.url()).searchParams;
    assert.equal(Number(asked.get('to')) - Number(asked.get('from')), 3_600_000);
    await page.getByText('Nothing is known here.').first().waitFor();
    assert.deepEqual(wrong, []);
    await close();
  });

  test('a line is switched by keys, and its name and last value stand in the legend', async () => {
    const { page, close } = await tab(browser);
    await page.goto(`${server.at}/hosts/web-1?range=15m`);
    const user = page
      .getByRole('group', { name: 'Lines of CPU' })
      .getByRole('button', { name: 'User', exact: true });
    await user.focus();
    await page.keyboard.press('Enter');
    await page.waitForSelector('.u-series.u-off');
    assert.equal(await user.getAttribute('aria-pressed'), 'false');
    const busy = page.getByRole('group', { name: 'Lines of CPU' }).locator('.u-series', { hasText: 'Busy' });
    await until('the last value is there', async () =>
      /Busy.*\d %/.test(await busy.innerText().then((text) => text.replace(/\s+/g, ' '))),
    );
    await close();
  });

  test('what a host that fails was like stays to be seen, and since when', async () => {
    const { page, close } = await tab(browser);
    await fleet.set('app-7', 'refuse');
    await until('it is down', async () => (await server.json('/api/v1/hosts/app-7')).state === 'down');
    await page.goto(`${server.at}/hosts/app-7`);
    await page.getByText(/As of .*: polls since then brought no values/).waitFor();
    await page.locator('.cores span').first().waitFor();
    await fleet.set('app-7', 'healthy');
    await close();
  });

  test('the fleet is narrowed by group and label, and ordered by every column', async () => {
    const { page, wrong, close } = await tab(browser);
    await page.goto(server.at);
    await page.waitForSelector(HOSTS_UP);
    await page.getByLabel('Group', { exact: true }).selectOption('db');
    await page.waitForFunction(() =>
      [...document.querySelectorAll('tbody a')].every((link) => link.textContent.startsWith('db-')),
    );
    await page.goto(server.at);
    await page.getByLabel('Label', { exact: true }).selectOption('room=b2');
    await page.waitForFunction(
      () => [...document.querySelectorAll('tbody a')].map((link) => link.textContent).join() === 'web-1',
    );
    assert.match(page.url(), /label=room%3Db2/);
    await page.goto(`${server.at}/?q=nobody-has-this&group=db`);
    await page.getByText('No host is like that.').waitFor();
    await page.getByRole('button', { name: 'Clear the filter' }).click();
    await page.waitForSelector(HOSTS_UP);
    assert.equal(new URL(page.url()).search, '');
    await page.goto(server.at);
    const titles = page.locator('thead th');
    for (let column = 0; column < (await titles.count()); column += 1) {
      const title = titles.nth(column);
      await title.getByRole('button').click();
      const first = await until('it is ordered', async () => {
        const sort = await title.getAttribute('aria-sort');
        return sort !== 'none' && sort;
      });
      await title.getByRole('button').click();
      await until('it is turned round', async () => {
        const sort = await title.getAttribute('aria-sort');
        return sort !== 'none' && sort !== first;
      });
    }
    assert.deepEqual(wrong, []);
    await close();
  });

  test('the address says the direction of the order, and what is not known is last', async () => {
    const { page, close } = await tab(browser);
    const cpus = async (address) => {
      await page.goto(server.at + address);
      await page.waitForSelector(HOSTS_UP);
      return page
        .locator('tbody td[data-column=cpu]')
        .allTextContents()
        .then((all) => all.map((words) => (/\d/.test(words) ? parseFloat(words) : null)));
    };
    for (const [address, sign] of [
      ['/?sort=cpu', -1],
      ['/?sort=cpu&dir=desc', -1],
      ['/?sort=cpu&dir=asc', 1],
    ]) {
      const values = await cpus(address);
      const known = values.filter((value) => value !== null);
      assert.deepEqual(
        known,
        [...known].sort((a, b) => sign * (a - b)),
        address,
      );
      assert.ok(
        known.length > 2 && values.slice(known.length).every((value) => value === null),
        `${address}: ${values}`,
      );
    }
    await close();
  });

  test('the colours of the heat map are explained', async () => {
    const { page, close } = await tab(browser);
    await page.goto(`${server.at}/?colour=cpu`);
    await page.waitForSelector(HOSTS_UP);
    for (const part of ['.ramp', '.dot.unknown']) {
      const box = await page.locator(`.key ${part}`).boundingBox();
      assert.ok(box && box.width >= 10 && box.height >= 10, `${part}: ${JSON.stringify(box)}`);
    }
    await close();
  });

  test('little charts are there at once: the server remembers the last polls', async () => {
    const { page, close } = await tab(browser);
    await until(
      'web-1 was polled often',
      async () => (await server.json('/api/v1/hosts/web-1')).recent.length >= 10,
    );
    await page.goto(server.at);
    const points = Number(
      /\d+/.exec(
        await page.locator('tr:has(a[href="/hosts/web-1"]) canvas.spark').getAttribute('aria-label'),
      )[0],
    );
    assert.ok(points >= 10, `${points} points`);
    await close();
  });

  test('heat map and table are walked by keys', async () => {
    const { page, close } = await tab(browser);
    await page.goto(`${server.at}/?sort=name`);
    await page.waitForSelector(HOSTS_UP);
    const names = await page.locator('tbody a').allTextContents();
    await page.locator('canvas.heat').focus();
    for (const key of ['ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowLeft']) await page.keyboard.press(key);
    await page.locator('.tip', { hasText: `${names[1]}:` }).waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/hosts/${names[1]}`);
    await page.goBack();
    await page.getByRole('link', { name: names[0], exact: true }).focus();
    await page.keyboard.press('ArrowDown');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), names[1]);
    await page.keyboard.press('End');
    await page.waitForFunction(() => document.activeElement.textContent === 'web-15');
    await page.keyboard.press('/');
    assert.equal(await page.evaluate(() => document.activeElement.type), 'search');
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

  test('the server’s own page says what a poll costs', async () => {
    const { page, close } = await tab(browser);
    await page.goto(`${server.at}/server`);
    await page
      .locator('div', { hasText: /^CPU per poll, all threads[\d.]+ (µs|ms)$/ })
      .last()
      .waitFor();
    await close();
  });

  test('a host is polled, paused and resumed by its buttons', async () => {
    const { page, wrong, close } = await tab(browser);
    await page.goto(`${server.at}/hosts/web-2`);
    await page.getByRole('button', { name: 'Poll now' }).click();
    await page.getByText('Polled: ok').waitFor();
    await page.getByRole('button', { name: 'Pause …' }).click();
    await page.getByLabel('Why it is paused').fill('new <b>disk</b>');
    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    await page.locator('.badge .dot.paused').waitFor();
    await page.getByText('new <b>disk</b>').first().waitFor();
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.locator('.badge .dot.up').waitFor();
    assert.deepEqual(wrong, []);
    await close();
  });

  test('another machine under a host’s name is told, and accepted by its button', async () => {
    const { page, wrong, close } = await tab(browser);
    await fleet.set('web-5', 'wrong-machine');
    await page.goto(`${server.at}/hosts/web-5`);
    await page.getByRole('button', { name: 'Accept this machine' }).click();
    await page.locator('.badge .dot.up').waitFor();
    await page.getByRole('button', { name: 'Accept this machine' }).waitFor({ state: 'hidden' });
    assert.deepEqual(wrong, []);
    await close();
  });

  test('the focus stays on its host while values come in', async () => {
    const { page, close } = await tab(browser);
    await page.goto(server.at);
    await page.waitForSelector(HOSTS_UP);
    await page.getByRole('link', { name: 'web-4', exact: true }).focus();
    const slot = () =>
      page.evaluate(() => document.querySelector('tr:focus-within td[data-column=call]')?.textContent);
    const first = await slot();
    await until('a newer poll is shown', async () => (await slot()) !== first);
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'web-4');
    await page.keyboard.press('Enter');
    await page.waitForURL(/hosts\/web-4/);
    await close();
  });

  test('a file that is wrong is told on every page; one that is right says what it changed', async () => {
    const { page, wrong, close } = await tab(browser);
    const good = readFileSync(server.files.inventory, 'utf8');
    await page.goto(`${server.at}/inventory`);
    await shown(page, '/inventory');
    writeFileSync(server.files.inventory, `${good}\n[[hots]]\n`);
    await page.locator('#banners', { hasText: 'not in force' }).waitFor();
    await page.getByRole('heading', { name: 'The file as it is now is not in force' }).waitFor();
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
    await page.goto(other.at);
    await page.waitForSelector('tbody a');
    // Its connections stay open, and nothing comes.
    other.child.kill('SIGSTOP');
    await page.getByText('No connection to the server').waitFor();
    other.child.kill('SIGCONT');
    await page.locator('#pulse', { hasText: 'live' }).waitFor();
    await page.getByText('No connection to the server').waitFor({ state: 'hidden' });
    await close();
    await other.stop('SIGKILL');
  });

  test('a server that is gone is told', async () => {
    const other = await startServer(fleet.inventory);
    const { page, close } = await tab(browser);
    await page.goto(other.at);
    await page.waitForSelector('tbody a');
    await other.stop('SIGKILL');
    await page.getByText('No connection to the server').waitFor();
    await page.waitForSelector('tbody a');
    await close();
  });
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
  assert.equal(await page.locator('main .dot.down').count(), 1, 'the word among the counts alone');
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
  await page.locator('tr', { hasText: 'web-2' }).locator('.dot.down').waitFor();
  // A page that is opened now shows what the server has in memory.
  await page.goto(`${server.at}/hosts/web-1`);
  await page.locator('.badge .dot.up').waitFor();
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
  await page.locator('.chip', { hasText: 'all5000' }).waitFor();
  await page.getByLabel('Filter hosts').fill('db-49');
  await page.getByText('of 5000 hosts', { exact: false }).waitFor();
  await page.waitForFunction(
    () =>
      [...document.querySelectorAll('tbody a')].every((link) => link.textContent.startsWith('db-49')) &&
      document.querySelectorAll('tbody a').length > 5,
  );
  const took = Date.now() - began;
  await page.getByLabel('Filter hosts').fill('');
  await page.waitForFunction(() => document.querySelectorAll('tbody a').length > 15);
  // Some seconds of changes, so that what they leave behind would be seen.
  const polls = async () => (await server.json('/api/v1/server')).polling.polls;
  const first = await polls();
  await until('more polls came in', async () => (await polls()) > first + 300);
  const debug = await page.context().newCDPSession(page);
  await debug.send('HeapProfiler.collectGarbage');
  const { usedSize } = await debug.send('Runtime.getHeapUsage');
  const whole = await tabBytes(browser);
  console.log(
    `5,000 hosts: interactive after ${took} ms, ${(usedSize / 1e6).toFixed(1)} MB of heap, ${(whole / 1e6).toFixed(0)} MB of the tab's process`,
  );
  assert.ok(took < INTERACTIVE_MS * SLACK, `${took} ms`);
  assert.ok(whole < TAB_BYTES, `${whole} bytes`);
  assert.deepEqual(wrong, []);
  await close();
  await server.stop('SIGKILL');
  await fleet.stop();
});

/** How much of a chart's first line is drawn: its width in columns of pixels that have the line's colour. */
async function drawnColumns(page, title, column) {
  return page.locator(`section[aria-label="${title}"] .u-over`).evaluate((over, wanted) => {
    const canvas = over.parentElement.querySelector('canvas');
    const paint = document.createElement('canvas').getContext('2d');
    paint.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(wanted);
    paint.fillRect(0, 0, 1, 1);
    const [red, green, blue] = paint.getImageData(0, 0, 1, 1).data;
    const { data, width, height } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const columns = new Set();
    for (let at = 0; at < width * height; at += 1) {
      if (
        Math.abs(data[4 * at] - red) +
          Math.abs(data[4 * at + 1] - green) +
          Math.abs(data[4 * at + 2] - blue) <
          24 &&
        data[4 * at + 3] > 200
      )
        columns.add(at % width);
    }
    return columns.size;
  }, column);
}

describe('a fleet at the default interval', () => {
  let fleet;
  let server;
  before(async () => {
    fleet = await startFleet({ hosts: 2, interval: '10s' });
    server = await startServer(fleet.inventory);
    const path = '/api/v1/hosts/web-1/polls?detail=false';
    await until(
      'there are four polls',
      async () =>
        (await server.json(path).catch(() => ({ polls: [] }))).polls.filter((poll) => poll.outcome === 'ok')
          .length >= 4,
    );
  });
  after(async () => {
    await server?.stop();
    await fleet?.stop();
  });

  test('what there is shows in every span, also as a single dot', async () => {
    const { page, wrong, close } = await tab(browser);
    for (const range of ['15m', '1h', '6h', '24h', '7d', '30d']) {
      await page.goto(`${server.at}/hosts/web-1?range=${range}`);
      await firstChart(page);
      await until(
        `a line or a dot at ${range}`,
        async () => (await drawnColumns(page, 'Load', '--chart-0')) > 0,
      );
    }
    assert.deepEqual(wrong, []);
    await close();
  });

  test('a span of some minutes is a line from poll to poll', async () => {
    const { page, wrong, close } = await tab(browser);
    const { polls } = await server.json('/api/v1/hosts/web-1/polls?detail=false&order=asc');
    const moments = polls.filter((poll) => poll.outcome === 'ok').map((poll) => poll.slot_ms);
    const [from, to] = [moments[0] - 60_000, moments.at(-1) + 60_000];
    await page.goto(`${server.at}/hosts/web-1?from=${from}&to=${to}`);
    const chart = await firstChart(page);
    const { width } = await chart.locator('.u-over').boundingBox();
    // Polls lie on the points' grid, so the line may be up to one point shorter at each end.
    const line = ((moments.at(-1) - moments[0] - 2 * 10_000) / (to - from)) * width;
    await until('the line is drawn', async () => (await drawnColumns(page, 'Load', '--chart-0')) >= line - 4);
    assert.deepEqual(wrong, []);
    await close();
  });

  test('the page is no longer live once the stream has ended', async () => {
    const { page, close } = await tab(browser);
    const own = await startServer(fleet.inventory);
    await page.goto(own.at);
    await page.waitForFunction(() => document.getElementById('pulse').textContent === 'live');
    await own.stop('SIGKILL');
    const ended = Date.now();
    await page.waitForFunction(() => document.getElementById('pulse').textContent !== 'live');
    console.log(`not live ${Date.now() - ended} ms after the server's end`);
    await page.getByText('No connection to the server since').waitFor();
    await close();
  });
});

/** What the API sends for a host's page at first, without charts' library and the stream, bytes as JSON. */
const HOST_PAGE_BYTES = 60_000;

test('a host with a day of history is opened with few bytes', async () => {
  const fleet = await startFleet({ hosts: 2, interval: '1s' });
  const dir = folder();
  const first = await startServer(fleet.inventory, '', dir);
  await until(
    'there are good polls',
    async () =>
      (await first.json('/api/v1/hosts/web-1/polls?detail=false&limit=100')).polls.filter(
        (poll) => poll.outcome === 'ok',
      ).length >= 20,
  );
  await first.stop();
  // A day of them, ten seconds apart.
  const sqlite = (sql) => {
    const ran = spawnSync('sqlite3', [path.join(dir, 'roundsman.db')], { input: sql });
    assert.equal(ran.status, 0, String(ran.stderr ?? ran.error));
    return String(ran.stdout).trim();
  };
  const columns = sqlite("SELECT group_concat(name) FROM pragma_table_info('poll');");
  const days = sqlite(`
    CREATE TEMP TABLE good AS SELECT row_number() OVER (ORDER BY slot_ms) - 1 AS n, * FROM poll WHERE outcome = 'ok' AND cpu_busy_pct IS NOT NULL
      AND host_id = (SELECT host_id FROM host WHERE name = 'web-1');
    CREATE TEMP TABLE day AS WITH RECURSIVE seq(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM seq WHERE k < 8640)
      SELECT k, good.* FROM seq JOIN good ON good.n = k % (SELECT count(*) FROM good);
    UPDATE day SET slot_ms = (SELECT min(slot_ms) FROM poll) - k * 10000, started_ms = (SELECT min(slot_ms) FROM poll) - k * 10000;
    INSERT INTO poll (${columns}) SELECT ${columns} FROM day;
    SELECT count(*) FROM poll;`);
  assert.ok(Number(days) > 8640, days);
  const server = await startServer(fleet.inventory.replaceAll('"1s"', '"10s"'), '', dir);
  await until('it answers', async () => (await server.json('/api/v1/hosts/web-1')).last?.outcome === 'ok');
  const { page, wrong, close } = await tab(browser);
  // Each question once: what is asked again when a poll comes in is not the page's opening.
  const sizes = new Map();
  page.on('response', async (answer) => {
    const url = new URL(answer.url());
    if (!url.pathname.startsWith('/api/') || url.pathname === '/api/v1/stream') return;
    for (const moment of ['from', 'to']) url.searchParams.delete(moment);
    const body = await answer.body().catch(() => null);
    const key = decodeURIComponent(`${url.pathname}${url.search}`);
    if (body && !sizes.has(key)) sizes.set(key, body.length);
  });
  await page.goto(`${server.at}/hosts/web-1`);
  await firstChart(page);
  await page.getByRole('region', { name: 'Attempts' }).locator('tbody tr').first().waitFor();
  await page.locator('.cores').waitFor();
  await until('when each filesystem is full is known', () =>
    [...sizes.keys()].some((key) => key.includes('/polls') && key.includes('filesystem')),
  );
  const sum = [...sizes.values()].reduce((all, one) => all + one, 0);
  console.log(
    `a host's page: ${sum} bytes\n${[...sizes].map(([key, bytes]) => `  ${bytes} ${key.slice(0, 110)}`).join('\n')}`,
  );
  assert.ok(sum <= HOST_PAGE_BYTES, `${sum} bytes`);
  // The rest is there when it is asked for, and stays when the answer to an earlier question comes after it.
  const few = /\/polls\?.*limit=50&/;
  let release;
  const released = new Promise((resolve) => {
    release = resolve;
  });
  await page.route(few, async (route) => {
    const answer = await route.fetch();
    await released;
    await route.fulfill({ response: answer });
  });
  await page.waitForRequest(few);
  await page.getByRole('button', { name: 'More' }).click();
  const rows = page.getByRole('region', { name: 'Attempts' }).locator('tbody tr');
  await until('there are more rows', async () => (await rows.count()) > 200);
  const overtaken = page.waitForResponse(few);
  release();
  await (await overtaken).finished();
  // What is done with an answer is done before the next frame but one.
  await page.evaluate(
    () =>
      new Promise((done) => {
        requestAnimationFrame(() => requestAnimationFrame(done));
      }),
  );
  assert.ok((await rows.count()) > 200);
  await page.unroute(few);
  assert.deepEqual(wrong, []);
  await close();
  await server.stop('SIGKILL');
  await fleet.stop();
});
