// What people come for, with the keyboard alone and with a pointer alone: at most five steps from the fleet's page.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { endAll, startBrowser, startFleet, startServer, tab, until } from './harness.mjs';

const STEPS = 5;
/** A host whose answers have a flaw, and one that is gone. */
const [FLAWED, GONE] = ['web-11', 'web-12'];

let browser;
let server;
before(async () => {
  browser = await startBrowser();
  const fleet = await startFleet({ hosts: 20, interval: '1s', behave: ['#11=markup', '#12=refuse'] });
  server = await startServer(fleet.inventory);
  await until('the fleet is as it should be', async () => {
    const { counts } = await server.json('/api/v1/fleet');
    const { alarms } = await server.json('/api/v1/alerts?firing=true');
    return counts.up === 18 && counts.degraded === 1 && alarms.some(({ host }) => host === GONE);
  });
});
after(async () => {
  await browser?.close();
  endAll();
});

/** Somebody at the fleet's page, whose steps are counted: a key or keys together, a text, a click. */
async function somebody() {
  const { page, wrong, close } = await tab(browser, {
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  // Who acted here before is remembered.
  await page.addInitScript(() => localStorage.setItem('who', 'ann'));
  await page.goto(server.at);
  await page.locator('.trouble-list li', { hasText: GONE }).waitFor();
  let steps = 0;
  return {
    page,
    async key(...keys) {
      for (const key of keys) {
        steps += 1;
        await page.keyboard.press(key);
      }
    },
    async type(text) {
      steps += 1;
      await page.keyboard.type(text);
      await page.locator('[role=option][aria-selected=true]').waitFor();
    },
    /** Words into a field that has the focus. */
    async write(text) {
      steps += 1;
      await page.keyboard.type(text);
    },
    async click(place) {
      steps += 1;
      await place.click();
    },
    async end() {
      assert.ok(steps <= STEPS, `${steps} steps`);
      assert.deepEqual(wrong, []);
      await close();
    },
  };
}

const row = (page, host) => page.locator('.trouble-list li', { hasText: host }).locator('.cover');
const dialog = (page) => page.getByRole('dialog');

/** The words in which the server says what is wrong. */
async function isToldWhy(page) {
  const { reason } = await server.json(`/api/v1/hosts/${FLAWED}`);
  const [, cause] = /UTC: (\w+) is /.exec(reason);
  await page.locator('.causes .cause', { hasText: cause }).waitFor();
}

test('why is a host degraded', async () => {
  const one = await somebody();
  await one.key('Control+k');
  await one.type(FLAWED);
  await one.key('Enter');
  await isToldWhy(one.page);
  await one.end();

  const other = await somebody();
  await other.click(row(other.page, FLAWED));
  await isToldWhy(other.page);
  await other.end();
});

test('when did a host reboot', async () => {
  const isSaid = async (page) => {
    const words = page.locator('.facts dd', { hasText: /^booted \d/ });
    await words.waitFor();
    assert.match(await words.textContent(), /^booted [\d-]+ \d\d:\d\d, \d+ .* ago$/);
  };
  const one = await somebody();
  await one.key('Control+k');
  await one.type('web-1');
  await one.key('Enter');
  await isSaid(one.page);
  await one.end();

  const other = await somebody();
  await other.click(other.page.locator('.hosts tbody .cover', { hasText: /^web-1$/ }));
  await isSaid(other.page);
  await other.end();
});

/** The silences that hold, ended. */
async function silenced() {
  const { silences } = await server.json('/api/v1/silences');
  for (const { id } of silences) await server.post(`/api/v1/silences/${id}/end`);
  return silences;
}

test('silence an alert', async () => {
  const one = await somebody();
  await one.key('Control+k');
  await one.type(`silence ${GONE}`);
  await one.key('Enter');
  await dialog(one.page).getByLabel('Why').waitFor();
  await one.write('new disk');
  await one.key('Enter');
  await dialog(one.page).waitFor({ state: 'detached' });
  assert.deepEqual(
    (await silenced()).map(({ hosts, who, why }) => [hosts, who, why]),
    [[[GONE], 'ann', 'new disk']],
  );
  await one.end();

  const other = await somebody();
  await other.click(row(other.page, GONE));
  await other.click(other.page.locator('.causes').getByRole('button', { name: 'Silence…' }).first());
  await other.click(dialog(other.page).getByRole('button', { name: 'Known problem' }));
  await other.click(dialog(other.page).getByRole('button', { name: 'Silence', exact: true }));
  await dialog(other.page).waitFor({ state: 'detached' });
  assert.deepEqual(
    (await silenced()).map(({ hosts, who, why }) => [hosts, who, why]),
    [[[GONE], 'ann', 'Known problem']],
  );
  await other.end();
});

test('compare the memory of a group', async () => {
  const isDrawn = async (page) => {
    await page.waitForURL(/group=web/);
    await page.locator('#chart-mem_used_pct .u-over').waitFor();
  };
  const one = await somebody();
  await one.key('Control+k');
  await one.type('compare group web');
  await one.key('Enter');
  await isDrawn(one.page);
  await one.end();

  const other = await somebody();
  await other.click(other.page.locator('.hosts tbody a[title="Compare this group"]', { hasText: 'web' }));
  await other.click(other.page.getByRole('button', { name: 'Memory', exact: true }));
  await isDrawn(other.page);
  await other.end();
});

test('send somebody what is shown', async () => {
  const isCopied = async (page) => {
    await page.getByText('The link to this page is copied').waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), page.url());
  };
  const one = await somebody();
  await one.key('Control+k');
  await one.type('copy link');
  await one.key('Enter');
  await isCopied(one.page);
  await one.end();

  const other = await somebody();
  await other.click(other.page.locator('button.find'));
  await other.click(other.page.getByRole('option', { name: /^Copy link/ }));
  await isCopied(other.page);
  await other.end();
});
