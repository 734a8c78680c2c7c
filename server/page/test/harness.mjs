// What a test of the page needs: a fleet of fake probes, a server that polls it, a browser that looks.
//
// Everything is a child of this process, listens on loopback alone, keeps its files in a folder of its
// own, and is ended by its number.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

/** Where cargo put the programs. */
export const BIN =
  process.env.ROUNDSMAN_BIN ?? fileURLToPath(new URL('../../../target/debug', import.meta.url));
const CHROMIUM = process.env.ROUNDSMAN_CHROMIUM ?? '/usr/bin/chromium';

/** Long enough for anything that is going to happen at all, ms. */
export const PATIENCE = 60_000;

/** Nobody's settings of the server. */
export const ENV = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('ROUNDSMAN_')),
);

const children = new Set();
const profiles = new Set();
const folders = new Set();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  for (const one of folders) rmSync(one, { recursive: true, force: true });
});

/** Ends what a test that failed left running: the process would wait for it. */
export function endAll() {
  for (const child of children) child.kill('SIGKILL');
  for (const profile of profiles) profile.close().catch(() => {});
}

/** A folder that is gone at the end. */
export function folder() {
  const made = mkdtempSync(path.join(tmpdir(), 'roundsman-page-'));
  folders.add(made);
  return made;
}

/** Starts a program and waits for a line that `says`; what it said is shown when it ends before. */
export async function start(program, args, says, { from = 'stdout', env = {} } = {}) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...ENV, ...env } });
  children.add(child);
  const lines = [];
  const waiting = [];
  const ended = once(child, 'exit').then(() => children.delete(child));
  const heard = new Promise((resolve, reject) => {
    const keep = (line) => {
      lines.push(line);
      if (lines.length > 400) lines.shift();
      const found = says.exec(line);
      if (found) resolve(found);
    };
    for (const name of ['stdout', 'stderr']) {
      createInterface(child[name]).on('line', (line) => {
        keep(line);
        if (name === from) waiting.shift()?.(line);
      });
    }
    child.on('error', reject);
    ended.then(() => reject(new Error(`${program} ended:\n${lines.join('\n')}`)));
  });
  return {
    child,
    lines,
    found: await heard,
    ask(line) {
      const answer = new Promise((resolve) => {
        waiting.push(resolve);
      });
      child.stdin.write(`${line}\n`);
      return answer;
    },
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      await ended;
    },
  };
}

// Fleets of one process have addresses of their own, and those of several ports, too.
let fleets = 0;
const network = 64 + (process.pid % 128);

/** A fleet of fake probes; `inventory` is the text that names them. */
export async function startFleet({ hosts, interval, seed = 1, behave = [] }) {
  const flags = [
    '--hosts',
    String(hosts),
    '--seed',
    String(seed),
    ...behave.flatMap((one) => ['--behave', one]),
  ];
  flags.push('--address', `127.${network}.${fleets * 32}.1`, '--port', String(await freePort()));
  fleets += 1;
  const printed = spawnSync(
    `${BIN}/roundsman-fleet`,
    [...flags, '--interval', interval, '--print-inventory'],
    { maxBuffer: 1 << 26 },
  );
  if (printed.status !== 0) throw new Error(String(printed.stderr));
  const fleet = await start(`${BIN}/roundsman-fleet`, [...flags, '--stdin'], /^ready:/);
  return {
    ...fleet,
    inventory: String(printed.stdout),
    async set(which, personality) {
      const answer = await fleet.ask(`set ${which} ${personality}`);
      if (!answer.startsWith('ok')) throw new Error(answer);
    },
  };
}

/**
 * A server over an inventory; `settings` is more of its configuration file, `dir` where its data is, `http` where it
 * answers, `says` the line of its log with which it has begun.
 */
export async function startServer(
  inventory,
  settings = '',
  dir = folder(),
  http = '127.0.0.1:0',
  says = /serving.*http=(127\.0\.0\.1:\d+)/,
) {
  const files = { inventory: path.join(dir, 'inventory.toml'), config: path.join(dir, 'roundsman.toml') };
  writeFileSync(files.inventory, inventory);
  writeFileSync(files.config, settings);
  const args = [
    'serve',
    '--config',
    files.config,
    '--inventory',
    files.inventory,
    '--data',
    dir,
    '--http',
    http,
    '--grpc',
    '127.0.0.1:0',
  ];
  const server = await start(`${BIN}/roundsman`, args, says, { env: { NO_COLOR: '1' } });
  const at = `http://${server.found[1] ?? http}`;
  return {
    ...server,
    at,
    files,
    async json(where, options) {
      const answer = await fetch(`${at}${where}`, options);
      const body = await answer.json();
      if (!answer.ok) throw new Error(`${where}: ${answer.status} ${JSON.stringify(body)}`);
      return body;
    },
    post(where, body = {}) {
      return this.json(where, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    },
  };
}

export async function freePort() {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address();
  listener.close();
  await once(listener, 'close');
  return port;
}

/** A MariaDB server with an empty database; `url` is what a server keeps its rows by. */
export async function startMariadb() {
  const dir = folder();
  const env = { PATH: `${process.env.PATH}:/usr/sbin` };
  mkdirSync(path.join(dir, 'tmp'));
  const own = [
    `--datadir=${dir}/data`,
    `--tmpdir=${dir}/tmp`,
    ...(process.getuid() === 0 ? ['--user=root'] : []),
  ];
  const made = spawnSync(
    'mariadb-install-db',
    ['--no-defaults', '--skip-test-db', '--auth-root-authentication-method=normal', ...own],
    { env: { ...process.env, ...env } },
  );
  if (made.status !== 0) throw new Error(`mariadb-install-db: ${made.error ?? made.stderr}`);
  const begin = path.join(dir, 'begin.sql');
  writeFileSync(begin, 'CREATE DATABASE fleet;\n');
  const port = await freePort();
  const flags = [
    '--no-defaults',
    '--skip-name-resolve',
    '--bind-address=127.0.0.1',
    `--port=${port}`,
    `--socket=${dir}/socket`,
    `--pid-file=${dir}/pid`,
    `--init-file=${begin}`,
    ...own,
  ];
  const mariadb = await start('mariadbd', flags, /ready for connections/, { env });
  return { ...mariadb, url: `mysql://root@127.0.0.1:${port}/fleet` };
}

/** nginx with its defaults, and these locations of one server; ended by its process. */
export async function startNginx(locations) {
  const dir = folder();
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${dir}/${kind};`)
    .join(' ');
  const port = await freePort();
  const file = path.join(dir, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off; pid ${dir}/pid; error_log stderr notice; ${process.getuid() === 0 ? 'user root;' : ''} events {}
http { access_log off; ${temp} server { listen 127.0.0.1:${port}; ${locations} } }\n`,
  );
  const nginx = await start('nginx', ['-e', 'stderr', '-p', dir, '-c', file], /start worker process/, {
    env: { PATH: `${process.env.PATH}:/usr/sbin` },
  });
  return { ...nginx, at: `http://127.0.0.1:${port}` };
}

/**
 * HAProxy before servers: it passes bytes on to the one that polls. It takes all for ready when it starts, so the
 * others are its backups.
 */
export async function startHaproxy(servers) {
  const [dir, port] = [folder(), await freePort()];
  const file = path.join(dir, 'haproxy.cfg');
  const lines = servers.map(
    (at, n) =>
      `  server mon-${n + 1} ${new URL(at).host} check inter 1s on-marked-down shutdown-sessions ${n ? 'backup' : ''}`,
  );
  writeFileSync(
    file,
    `defaults
  mode tcp
  timeout connect 2s
  timeout client 1h
  timeout server 1h
listen roundsman
  bind 127.0.0.1:${port}
  option httpchk GET /leader
${lines.join('\n')}\n`,
  );
  const haproxy = await start('haproxy', ['-W', '-db', '-f', file], /Loading success/, {
    env: { PATH: `${process.env.PATH}:/usr/sbin` },
  });
  return { ...haproxy, at: `http://127.0.0.1:${port}` };
}

/** Every page, on a host that is well. */
export const PAGES = [
  '/',
  '/?q=web&sort=cpu&colour=cpu',
  '/hosts/web-1',
  '/alerts',
  '/compare',
  '/compare?group=web&column=load_1',
  '/availability',
  '/compare?top=5&column=disk_written_bytes_per_s',
  '/boards',
  '/boards/all',
  '/events',
  '/inventory',
  '/server',
];
/** A host of the small fleet whose probe is not there. */
export const REFUSES = 'web-12';
export const HOSTS_UP = 'tr:has(.dot.up)';
/** Promises are of a release build on a machine at rest: a debug build that shares two cores has so many times. */
export const SLACK = 3;

/** A fleet of some hosts, not all of them well, and the server that polls it. */
export async function startSmall() {
  const fleet = await startFleet({ hosts: 20, interval: '1s', behave: ['#11=markup', '#12=refuse'] });
  const label =
    'name = "web-1"\nlabels = { room = "b2", rack = "<script>document.title=\'owned\'</script>" }\n';
  const server = await startServer(fleet.inventory.replace('name = "web-1"\n', label));
  const boards = path.join(path.dirname(server.files.inventory), 'boards');
  mkdirSync(boards);
  writeFileSync(path.join(boards, 'all.toml'), 'title = "web-1"\n[[chart]]\ncolumn = "cpu_busy_pct"\n');
  await until('most hosts are up', async () => (await server.json('/api/v1/fleet')).counts.up >= 18);
  return { fleet, server };
}

/** Waits until the page at a path has something to say. */
export async function shown(page, at) {
  if (at === '/hosts/nobody') await page.locator('main').getByRole('link', { name: 'All hosts' }).waitFor();
  else if (at.startsWith('/hosts/')) await page.waitForSelector('.leg');
  else if (at.startsWith('/availability')) await page.waitForSelector('main .tiles .fig');
  else if (at.startsWith('/alerts')) await page.waitForSelector('table.alarms tbody td');
  else if (at.startsWith('/boards/')) await page.waitForSelector('.board .u-over');
  else if (at.startsWith('/boards')) await page.waitForSelector('.boardlist li');
  else if (at.startsWith('/compare')) await page.waitForSelector('.compare .u-over');
  else if (at.startsWith('/events')) await page.waitForSelector('main table tbody tr');
  else if (at.startsWith('/inventory')) await page.waitForSelector('main pre');
  else if (at.startsWith('/server')) await page.waitForSelector('main dl');
  else await page.waitForSelector(HOSTS_UP);
}

/** How Debian's Chromium is started. */
const BROWSER = { executablePath: CHROMIUM, args: process.getuid() === 0 ? ['--no-sandbox'] : [] };

export const startBrowser = () => chromium.launch(BROWSER);

/** The same with a profile on the disk: in a private window nothing is installed. */
export async function startProfile() {
  const profile = await chromium.launchPersistentContext(folder(), BROWSER);
  profiles.add(profile);
  profile.on('close', () => profiles.delete(profile));
  return profile;
}

/** The memory of the largest process that draws tabs, its part of what it shares included, bytes. */
export async function tabBytes(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const renderers = processInfo.filter(({ type }) => type === 'renderer');
  return Math.max(
    ...renderers.map(
      ({ id }) =>
        Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${id}/smaps_rollup`, 'utf8'))[1]) * 1024,
    ),
  );
}

/** A tab; `wrong` gathers what its console says that is an error. */
export async function tab(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const wrong = [];
  page.on('console', (message) => {
    if (message.type() === 'error') wrong.push(`${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => wrong.push(error.stack ?? String(error)));
  return { page, wrong, close: () => context.close() };
}

/**
 * A host's first chart, once those in sight are drawn and what stands above them is there: until then parts move.
 */
export async function firstChart(page) {
  await page.locator('.hosthead .facts dd').first().waitFor();
  const charts = page.locator('.charts.large > section');
  await until('the large charts are drawn', async () => {
    const count = await charts.count();
    return count > 0 && (await charts.locator('.u-over').count()) === count;
  });
  return charts.first();
}

/** Asks until the answer is what is wanted. */
export async function until(what, ask) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await pause(50);
  }
}
