// From one server to two, and back to one: a page that is open behind a balancer stays alive.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  endAll,
  folder,
  freePort,
  HOSTS_UP,
  startBrowser,
  startFleet,
  startHaproxy,
  startMariadb,
  startServer,
  tab,
  until,
} from './harness.mjs';

let browser;
before(async () => {
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  endAll();
});

test('a page behind HAProxy lives on when the server in charge is killed', async () => {
  const [fleet, mariadb] = await Promise.all([startFleet({ hosts: 5, interval: '1s' }), startMariadb()]);
  const settings = `[store]\nurl = "${mariadb.url}"\n`;
  const one = await startServer(fleet.inventory, settings);
  const second = `127.0.0.1:${await freePort()}`;
  const haproxy = await startHaproxy([one.at, `http://${second}`]);
  await until('the first is found ready', async () => (await fetch(haproxy.at).catch(() => {}))?.ok);
  const { page, close } = await tab(browser);
  await page.goto(haproxy.at);
  await page.waitForSelector(HOSTS_UP);
  await page.evaluate(() => {
    globalThis.sameDocument = true;
  });

  const began = Date.now();
  const two = await startServer(fleet.inventory, settings, folder(), second, /a standby: /);
  const ready = await fetch(`${two.at}/readyz`);
  assert.equal(ready.status, 503, await ready.text());
  const name = /name = "([^"]+)"/.exec(fleet.inventory)?.[1] ?? 'web-1';
  const slots = async () => {
    const { polls } = await one.json(`/api/v1/hosts/${name}/polls?from=-1m`);
    return polls;
  };
  await until(
    'some more polls',
    async () => (await slots()).filter((poll) => poll.slot_ms > began).length > 5,
  );
  const polls = (await slots()).sort((a, b) => a.slot_ms - b.slot_ms);
  for (const [n, poll] of polls.entries()) {
    assert.equal(poll.outcome, 'ok');
    if (n > 0) assert.equal(poll.slot_ms - polls[n - 1].slot_ms, 1000, 'no poll was lost');
  }

  await one.stop('SIGKILL');
  // What happens from now on only the second can know.
  await fleet.set('#3', 'refuse');
  await page.locator(':is(.trouble-list, .hosts tbody) .dot.down').first().waitFor();
  assert.equal(await page.evaluate(() => globalThis.sameDocument), true, 'no reload');
  assert.equal((await fetch(`${haproxy.at}/readyz`)).status, 200);

  // Without the database nobody is ready, and what is polled is there to be seen all the same.
  await mariadb.stop('SIGKILL');
  await until('rows wait', async () => (await fetch(`${haproxy.at}/readyz`)).status === 503);
  await fleet.set('#3', 'healthy');
  await page.locator(':is(.trouble-list, .hosts tbody) .dot.down').waitFor({ state: 'detached' });
  assert.equal(await page.evaluate(() => globalThis.sameDocument), true, 'no reload');
  assert.equal((await fetch(haproxy.at)).status, 200);
  await close();
  await two.stop();
  await haproxy.stop();
  await fleet.stop();
});
