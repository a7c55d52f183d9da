// Starts the program, a mail server and a browser for the walks.
import { after } from 'node:test';
import { spawn, spawnSync, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { chromium } from 'playwright-core';

const root = resolve(import.meta.dirname, '../..');
export const binary = process.env.MINTMARK_BIN ?? join(root, 'target/debug/mintmark');

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

async function until(what, found) {
  for (let tries = 0; tries < 1200; tries += 1) {
    const value = await found();
    if (value) return value;
    await new Promise((done) => setTimeout(done, 25));
  }
  throw new Error(`${what}: not within 30 s`);
}

// One browser for all tests of a file; each page has a context, and so cookies and a cache, of its own.
let browser = null;
after(async () => (await browser)?.close());

export function startBrowser() {
  browser ??= chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
      // A camera that films a moving dot, and nobody who would have to allow it.
      '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
  });
  return browser;
}

/** Starts the program and waits until it answers. */
async function startProgram(args, port) {
  const child = spawn(binary, [...args, '--listen', `127.0.0.1:${port}`], { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  child.stdout.on('data', (text) => { printed += text; });
  child.stderr.on('data', (text) => { printed += text; });
  await until('the program starts', () => {
    if (child.exitCode !== null) throw new Error(`the program did not start:\n${printed}`);
    return fetch(`http://127.0.0.1:${port}/readyz`).then((answer) => answer.ok, () => false);
  });
  return child;
}

async function house(dir, data, port, children) {
  const contexts = [];
  return {
    address: `http://127.0.0.1:${port}`,
    data,
    browser: await startBrowser(),
    contexts,
    /** What the browser's console complained about, but for answers that are meant to be refusals. */
    faults: [],
    file: (name, text) => { writeFileSync(join(dir, name), text); return join(dir, name); },
    stop: async () => {
      await Promise.all(contexts.map((context) => context.close()));
      const ended = Promise.all(children.map((one) => new Promise((done) => one.once('exit', done))));
      for (const child of children) child.kill('SIGTERM');
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A demonstration in a directory of its own. */
export async function startHouse() {
  const dir = mkdtempSync(join(tmpdir(), 'mintmark-e2e-'));
  const data = join(dir, 'data');
  const port = await freePort();
  const child = await startProgram(['--data', data, 'demo'], port);
  const text = readFileSync(join(data, 'demo-logins.txt'), 'utf8');
  const password = (who) => text.match(new RegExp(`^\\w+\\s+${who}\\s+(\\S+)$`, 'm'))?.[1];
  return Object.assign(await house(dir, data, port, [child]), {
    logins: { admin: password('admin'), helpdesk: password('helpdesk'), anna: password('anna') },
    vendorFile: join(data, 'seed-files', 'vendor-batch.pskcxml'),
    /** Options of `otp` and `import` that open the vendor's file. */
    opened: ['--passphrase-file', join(data, 'seed-files', 'passphrase.txt')],
  });
}

/** A rehearsal store of its own, served with more options and with token models of its own; rosa is its admin. */
export async function startRehearsal(more = [], models = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'mintmark-rehearsal-'));
  const data = join(dir, 'data');
  const port = await freePort();
  const start = () => startProgram(['--data', data, 'serve', '--simulate', ...more], port);
  let child = await start();
  if (Object.keys(models).length > 0) {
    // They are read when it starts, and a store is made in an empty folder only.
    child.kill('SIGTERM');
    await new Promise((done) => child.once('exit', done));
    mkdirSync(join(data, 'firmware-profiles'), { mode: 0o700 });
    for (const [name, text] of Object.entries(models)) writeFileSync(join(data, 'firmware-profiles', name), text);
    child = await start();
  }
  const made = await house(dir, data, port, [child]);
  made.logins = { rosa: 'a long admin password' };
  run(made, ['operator', 'add', 'rosa', '--role', 'admin', '--password-file', made.file('rosa.txt', `${made.logins.rosa}\n`)]);
  return made;
}

/** A mail as its reader sees it. */
function readable(raw) {
  const [, head, body] = raw.match(/^(.*?)\r?\n\r?\n(.*)$/s) ?? ['', raw, ''];
  const bytes = (text) => Buffer.from(text.replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16))), 'latin1');
  if (/^content-transfer-encoding: *quoted-printable/im.test(head)) return `${head}\n\n${bytes(body)}`;
  if (/^content-transfer-encoding: *base64/im.test(head)) return `${head}\n\n${Buffer.from(body, 'base64')}`;
  return raw;
}

/**
 * A store of its own, with an admin and a helpdesk (hella) and nothing else, and a mail server beside it that puts
 * what it takes into a folder.
 */
export async function startMailHouse() {
  const dir = mkdtempSync(join(tmpdir(), 'mintmark-mail-'));
  const [data, folder] = [join(dir, 'data'), join(dir, 'mails')];
  const [port, mailPort] = [await freePort(), await freePort()];
  const python = ['python3', '/usr/bin/python3'].find((one) => spawnSync(one, ['-c', 'import aiosmtpd']).status === 0);
  if (!python) throw new Error('aiosmtpd is installed by make test');
  const mails = spawn(python, ['-m', 'aiosmtpd', '-n', '-l', `127.0.0.1:${mailPort}`, '-c', 'aiosmtpd.handlers.Mailbox', folder],
    { stdio: 'ignore' });
  const file = (name, text) => { writeFileSync(join(dir, name), text); return join(dir, name); };
  const logins = { admin: 'a long admin password', hella: 'a long helpdesk password' };
  run({ data }, ['init', '--admin', 'admin', '--password-file', file('admin.txt', `${logins.admin}\n`)]);
  writeFileSync(join(data, 'mintmark.toml'),
    `[smtp]\nhost = "127.0.0.1"\nport = ${mailPort}\nsecurity = "none"\nfrom = "mintmark@example.org"\n`);
  await until('the mail server listens', () => new Promise((done) => {
    const socket = connect(mailPort, '127.0.0.1', () => { socket.destroy(); done(true); });
    socket.once('error', () => done(false));
  }));
  const child = await startProgram(['--data', data, 'serve'], port);
  const made = await house(dir, data, port, [child, mails]);
  run(made, ['operator', 'add', 'hella', '--role', 'helpdesk', '--password-file', file('hella.txt', `${logins.hella}\n`)]);

  const arrived = () => {
    let names = [];
    try { names = readdirSync(join(folder, 'new')); } catch { /* no mail yet */ }
    const turn = (name) => Number(name.match(/Q(\d+)/)[1]);
    return names.sort((a, b) => turn(a) - turn(b)).map((name) => ({ name, text: readable(readFileSync(join(folder, 'new', name), 'utf8')) }));
  };
  const read = new Set();
  const to = (address) => ({ text }) => text.includes(`To: ${address}`);
  Object.assign(made, {
    logins,
    /** The newest mail to an address that has these words and was not returned before; waits for it. */
    mail: (address, words) => until(`a mail to ${address} with ${words}`, () => {
      const found = arrived().filter(to(address)).findLast(({ name, text }) => !read.has(name) && text.includes(words));
      if (found) read.add(found.name);
      return found?.text;
    }),
    /** The code in such a mail. */
    code: async (address, words) => {
      const text = await made.mail(address, words);
      return text.split(/\r?\n\r?\n/).slice(1).join('\n').match(/\b\d{8}\b/)[0];
    },
    mailsTo: (address) => arrived().filter(to(address)).length,
    /** A user on a resource; `password` and `email` are what they sign in with. */
    user: (login, { password, email, resource = 'VPN' }) => {
      const more = [];
      if (password) more.push('--password-file', file(`${login}.txt`, `${password}\n`));
      if (email) more.push('--email', email);
      run(made, ['user', 'add', login, ...more, ...(resource ? ['--resource', resource] : [])]);
    },
  });
  return made;
}

/** A page of a person of its own; `agent` is what the browser says it is, `ready` runs before the page's scripts. */
export async function openPage(house, { script = true, agent, locale = 'en-GB', ready } = {}) {
  const context = await house.browser.newContext({ javaScriptEnabled: script, userAgent: agent, locale, reducedMotion: 'reduce' });
  house.contexts.push(context);
  context.setDefaultTimeout(Number(process.env.MINTMARK_PATIENCE_MS ?? 30000));
  const page = await context.newPage();
  if (ready) await page.addInitScript(ready);
  const refused = /status of (401|403|404|409|422|429)/;
  page.on('console', (message) => {
    if (message.type() === 'error' && !refused.test(message.text())) house.faults.push(message.text());
  });
  page.on('pageerror', (error) => house.faults.push(String(error)));
  return page;
}

/** A command on the running program. */
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
