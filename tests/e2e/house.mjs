// Starts the demonstration and a browser for the end-to-end walk, and looks at pages.
import { spawn, execFileSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const root = resolve(import.meta.dirname, '../..');
export const binary = process.env.MINTMARK_BIN ?? join(root, 'target/debug/mintmark');
export const pictures = process.env.MINTMARK_PICTURES ?? join(root, 'target/e2e-pictures');
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
mkdirSync(pictures, { recursive: true });

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** A demonstration in a directory of its own, and a browser. */
export async function startHouse() {
  const dir = mkdtempSync(join(tmpdir(), 'mintmark-e2e-'));
  const data = join(dir, 'data');
  const port = await freePort();
  const child = spawn(binary, ['--data', data, 'demo', '--listen', `127.0.0.1:${port}`], { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  child.stdout.on('data', (text) => { printed += text; });
  child.stderr.on('data', (text) => { printed += text; });
  const address = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries += 1) {
    const up = await fetch(`${address}/readyz`).then((answer) => answer.ok, () => false);
    if (up) break;
    if (tries > 300 || child.exitCode !== null) throw new Error(`the demonstration did not start:\n${printed}`);
    await new Promise((done) => setTimeout(done, 100));
  }
  const text = readFileSync(join(data, 'demo-logins.txt'), 'utf8');
  const password = (who) => text.match(new RegExp(`^\\w+\\s+${who}\\s+(\\S+)$`, 'm'))?.[1];
  const logins = { admin: password('admin'), helpdesk: password('helpdesk'), anna: password('anna') };
  const browser = await startBrowser();
  return {
    address,
    data,
    browser,
    logins,
    vendorFile: join(data, 'seed-files', 'vendor-batch.pskcxml'),
    /** Options of `otp` and `import` that open the vendor's file. */
    opened: ['--passphrase-file', join(data, 'seed-files', 'passphrase.txt')],
    /** What the browser's console complained about, but for answers that are meant to be refusals. */
    faults: [],
    stop: async () => {
      await browser.close();
      const ended = new Promise((done) => child.once('exit', done));
      child.kill('SIGTERM');
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A page of a person of its own; `agent` is what the browser says it is. */
export async function openPage(house, { script = true, agent } = {}) {
  const context = await house.browser.newContext({ javaScriptEnabled: script, userAgent: agent });
  const page = await context.newPage();
  const refused = /status of (401|403|404|409|422)/;
  page.on('console', (message) => {
    if (message.type() === 'error' && !refused.test(message.text())) house.faults.push(message.text());
  });
  page.on('pageerror', (error) => house.faults.push(String(error)));
  return page;
}

/** The page's first button that goes on. */
export const submit = (page) => page.locator('main form .btn-primary').first().click();

/** Signs an operator in. */
export async function signIn(page, house, login) {
  await page.goto(`${house.address}/`);
  await page.fill('[name=login]', login);
  await page.fill('[name=password]', house.logins[login]);
  await submit(page);
  await page.waitForURL(/admin|station/);
}

/** Pages 1 and 2 of the portal's sign-in. */
export async function portalSignIn(page, house, login, secret) {
  await page.goto(`${house.address}/selfservice/portal/portal`);
  await page.fill('[name=login]', login);
  await submit(page);
  await page.waitForURL(/verify/);
  await page.fill('[name=secret]', secret);
  await submit(page);
}

/** A command on the running demonstration. */
export function run(house, args) {
  return execFileSync(binary, ['--data', house.data, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The vendor's file as batch `vendor`. */
export function importFile(house) {
  run(house, ['import', house.vendorFile, ...house.opened, '--batch', 'vendor']);
}

/** Codes of a stand-in token, computed from the seed file as the device would show them. */
export function codes(file, serial, more = []) {
  const out = execFileSync(binary, ['otp', '--file', file, ...more, serial], { encoding: 'utf8' });
  return out.split('\n').map((line) => line.trim()).filter(Boolean).map((line) => line.match(/\d{6,8}/)[0]);
}

export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

/** Looks at a page in both widths and both colour schemes: no WCAG 2.2 A/AA fault, no sideways scrolling. */
export async function look(page, name) {
  const faults = [];
  for (const width of [1280, 360]) {
    for (const colorScheme of ['light', 'dark']) {
      await page.setViewportSize({ width, height: 900 });
      // Without motion: a colour that is still fading to the other scheme has no contrast to judge.
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      // Evaluated by the debugger, so the page's own rules against foreign scripts stay in force.
      await page.evaluate(axeSource);
      const found = await page.evaluate(async () => {
        const result = await window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] });
        return {
          violations: result.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`),
          sideways: document.documentElement.scrollWidth > window.innerWidth,
        };
      });
      for (const violation of found.violations) faults.push(`${name} ${width} ${colorScheme}: ${violation}`);
      if (found.sideways) faults.push(`${name} ${width} ${colorScheme}: scrolls sideways`);
      await page.screenshot({ path: join(pictures, `${name}-${width}-${colorScheme}.png`), fullPage: true });
    }
  }
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ colorScheme: 'light' });
  if (faults.length > 0) throw new Error(faults.join('\n'));
}
