// Restore access: from the first page to the next sign-in, without script and with, with a real mail server whose
// mails are read back. Codes come from the seed file.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binary, codes, look, openPage, portalSignIn, run, signIn, startBrowser, submit } from './house.mjs';

const secret = '3132333435363738393031323334353637383930';
const lines = ['R-1', 'R-2'].map((serial, n) => `${serial},${secret.slice(0, 38)}${n}${n},totp\n`);
const passwords = { admin: 'a long admin password', hella: 'a long helpdesk password', anna: 'drei Birnen im Korb' };
const next = 'vier Quitten im Netz';

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

async function until(what, found) {
  for (let tries = 0; tries < 300; tries += 1) {
    const value = await found();
    if (value) return value;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`${what}: not within 30 s`);
}

/** A store of its own with a mail server beside it, which puts what it takes into a folder. */
async function startMailHouse() {
  const dir = mkdtempSync(join(tmpdir(), 'mintmark-restore-'));
  const data = join(dir, 'data');
  const folder = join(dir, 'mails');
  const [port, mailPort] = [await freePort(), await freePort()];
  const file = (name, text) => { writeFileSync(join(dir, name), text); return join(dir, name); };
  const python = ['python3', '/usr/bin/python3'].find((one) => spawnSync(one, ['-c', 'import aiosmtpd']).status === 0);
  assert.ok(python, 'aiosmtpd is installed by make test');
  const mail = spawn(python, ['-m', 'aiosmtpd', '-n', '-l', `127.0.0.1:${mailPort}`, '-c', 'aiosmtpd.handlers.Mailbox', folder],
    { stdio: 'ignore' });
  await until('the mail server listens', () => new Promise((done) => {
    const socket = connect(mailPort, '127.0.0.1', () => { socket.destroy(); done(true); });
    socket.once('error', () => done(false));
  }));
  const secrets = Object.fromEntries(Object.entries(passwords).map(([who, text]) => [who, file(`${who}.txt`, `${text}\n`)]));
  const made = { data };
  run(made, ['init', '--admin', 'admin', '--password-file', secrets.admin]);
  mkdirSync(data, { recursive: true });
  writeFileSync(join(data, 'mintmark.toml'),
    `[smtp]\nhost = "127.0.0.1"\nport = ${mailPort}\nsecurity = "none"\nfrom = "mintmark@example.org"\n`);
  const child = spawn(binary, ['--data', data, 'serve', '--listen', `127.0.0.1:${port}`], { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  child.stdout.on('data', (text) => { printed += text; });
  child.stderr.on('data', (text) => { printed += text; });
  const address = `http://127.0.0.1:${port}`;
  await until('the service starts', async () => {
    if (child.exitCode !== null) throw new Error(printed);
    return fetch(`${address}/readyz`).then((answer) => answer.ok, () => false);
  });
  const seeds = file('tokens.csv', lines.join(''));
  run(made, ['operator', 'add', 'hella', '--role', 'helpdesk', '--password-file', secrets.hella]);
  run(made, ['resource', 'add', 'VPN']);
  run(made, ['resource', 'portal', 'VPN', '--alias', 'portal', '--actions', 'register_existing_token,change_email']);
  run(made, ['user', 'add', 'anna', '--email', 'anna@example.org', '--password-file', secrets.anna, '--resource', 'VPN']);
  run(made, ['import', seeds, '--batch', 'restore', '--allow', 'test_secret']);
  run(made, ['resource', 'assign', 'VPN', '--token', 'R-1', '--user', 'anna', '--kind', 'token_with_user']);
  run(made, ['resource', 'assign', 'VPN', '--token', 'R-2', '--kind', 'token']);
  const browser = await startBrowser();
  const house = { address, data, browser, faults: [], seeds, logins: { admin: passwords.admin, hella: passwords.hella } };
  const read = () => {
    try {
      return readdirSync(join(folder, 'new')).map((name) => readFileSync(join(folder, 'new', name), 'utf8'));
    } catch { return []; }
  };
  house.mail = (to, words) => until(`a mail to ${to} with ${words}`, () => read()
    .map((text) => text.replace(/=\r?\n/g, '').replace(/=3D/g, '='))
    .findLast((text) => text.includes(`To: ${to}`) && text.includes(words)));
  house.mailsTo = (to) => read().filter((text) => text.includes(`To: ${to}`)).length;
  house.stop = async () => {
    await browser.close();
    const ended = Promise.all([child, mail].map((one) => new Promise((done) => one.once('exit', done))));
    child.kill('SIGTERM');
    mail.kill('SIGTERM');
    await ended;
    rmSync(dir, { recursive: true, force: true });
  };
  return house;
}

const linkIn = (text) => text.match(/http:\/\/\S+\?k=\S+/)[0];

for (const script of [false, true]) {
  test(`restore access, script ${script ? 'on' : 'off'}`, async (t) => {
    const house = await startMailHouse();
    t.after(house.stop);
    const seen = script ? look : async () => {};
    const base = `${house.address}/selfservice/portal`;
    const begin = async (page) => {
      await page.goto(`${base}/portal`);
      await page.fill('[name=login]', 'anna');
      await submit(page);
      await page.waitForURL(/verify/);
      await page.locator('a:has-text("Restore access")').click();
      await page.waitForSelector('text=What can you not use?');
    };
    const tick = async (page, ...names) => {
      for (const name of names) await page.check(`[name=${name}]`);
      await submit(page);
    };

    // The token is lost: a mailed code proves who asks.
    const user = await openPage(house, { script });
    await begin(user);
    await seen(user, 'portal-restore');
    await submit(user);
    await user.waitForSelector('text=Tick what you cannot use.');
    await tick(user, 'token');
    await user.waitForSelector('text=What do you still have?');
    await seen(user, 'portal-restore-proof');
    await user.fill('[name=code]', '00000000');
    await submit(user);
    await user.waitForSelector('text=That did not fit.');
    await seen(user, 'portal-restore-proof-wrong');
    const mailed = await house.mail('anna@example.org', 'Your code for restoring access');
    await user.fill('[name=code]', mailed.split(/\r?\n\r?\n/).slice(1).join('\n').match(/\b\d{8}\b/)[0]);
    await submit(user);
    await user.waitForSelector('text=Send your request');
    await seen(user, 'portal-restore-send');
    await submit(user);
    await user.waitForSelector('text=Your request has a number');
    await seen(user, 'portal-restore-sent');
    const number = async (page) => (await page.textContent('main strong.serial')).trim();
    const reference = await number(user);
    assert.match(reference, /^\d{3}-\d{3}-\d{3}$/);

    const helpdesk = await openPage(house, { script });
    await signIn(helpdesk, house, 'hella');
    await helpdesk.goto(`${house.address}/admin/users`);
    await helpdesk.locator('.menu summary').click();
    await helpdesk.locator('.menu a:has-text("User Issues (1)")').click();
    await helpdesk.waitForSelector('text=E-mail proved');
    await seen(helpdesk, 'console-user-issues');
    await helpdesk.locator('article a:has-text("Verify Identity")').click();
    await helpdesk.fill('[name=reference]', '000 000 000');
    await helpdesk.fill('[name=note]', 'Saw the passport.');
    await submit(helpdesk);
    await helpdesk.waitForSelector('text=This is not the number of this request');
    await seen(helpdesk, 'console-user-issue-wrong');
    await helpdesk.fill('[name=reference]', reference.replaceAll('-', ' '));
    await submit(helpdesk);
    await helpdesk.waitForURL(/issue-approved/);
    await seen(helpdesk, 'console-user-issues-approved');
    await house.mail('anna@example.org', 'was switched off');

    // She signs in without the token, and confirms another.
    const again = await openPage(house, { script });
    await portalSignIn(again, house, 'anna', passwords.anna);
    await again.waitForURL(/home/);
    await again.locator('a:has-text("Existing Token Registration")').click();
    await again.fill('[name=serial]', 'R-2');
    const [one, two] = codes(house.seeds, 'R-2', ['--count', '2', '--at', new Date(Date.now() - 30000).toISOString()]);
    await again.fill('[name=otp1]', one);
    await again.fill('[name=otp2]', two);
    await submit(again);
    await again.waitForSelector('text=This token is yours now');
    assert.match(run(house, ['token', 'show', 'R-1']), /replaced/);

    // Everything is lost: two operators; signing in would delete it, and so would the link.
    const lost = await openPage(house, { script });
    await begin(lost);
    await tick(lost, 'token', 'password', 'email');
    await lost.waitForSelector('text=Your new password');
    await seen(lost, 'portal-restore-password');
    await lost.fill('[name=new]', next);
    await lost.fill('[name=again]', `${next}, too`);
    await submit(lost);
    await lost.waitForSelector('text=The two are not the same');
    await lost.fill('[name=new]', next);
    await lost.fill('[name=again]', next);
    await submit(lost);
    await lost.waitForSelector('text=Your new e-mail address');
    await seen(lost, 'portal-restore-email');
    await lost.fill('[name=email]', 'anna@example.net');
    await submit(lost);
    await lost.waitForSelector('text=Send your request');
    await submit(lost);
    await lost.waitForSelector('text=two of them must agree');
    const cancel = linkIn(await house.mail('anna@example.org', 'To cancel it without signing in'));
    const owner = await openPage(house, { script });
    await owner.goto(cancel);
    await seen(owner, 'portal-restore-cancel');
    await owner.locator('button:has-text("Cancel the request")').click();
    await owner.waitForSelector('text=The request is cancelled');
    await seen(owner, 'portal-restore-cancelled');

    // Once more, and this time they agree; the resource waits for nothing.
    const admin = await openPage(house, { script });
    await signIn(admin, house, 'admin');
    await admin.goto(`${house.address}/admin/resources/VPN/selfservice`);
    await admin.fill('[name=restore_wait]', '0');
    await admin.locator('button:has-text("Save the wait")').click();
    await admin.waitForURL(/portal-changed/);
    await begin(lost);
    await tick(lost, 'token', 'password', 'email');
    await lost.fill('[name=new]', next);
    await lost.fill('[name=again]', next);
    await submit(lost);
    await lost.fill('[name=email]', 'anna@example.net');
    await submit(lost);
    await lost.waitForSelector('text=Send your request');
    await submit(lost);
    await lost.waitForSelector('text=Write it down');
    const second = await number(lost);
    assert.equal(house.mailsTo('anna@example.net'), 0);
    for (const page of [helpdesk, admin]) {
      await page.goto(`${house.address}/admin/user-issues`);
      await page.locator('article a:has-text("Verify Identity")').click();
      await seen(page, `console-user-issue-${page === admin ? 'second' : 'first'}`);
      await page.fill('[name=reference]', second);
      await page.fill('[name=note]', 'Called back the number on record.');
      await submit(page);
      await page.waitForURL(/done=issue-/);
    }
    await lost.goto(linkIn(await house.mail('anna@example.net', '?k=')));
    await seen(lost, 'portal-restore-address');
    await submit(lost);
    await lost.waitForSelector('text=Your e-mail address is changed');
    await house.mail('anna@example.org', 'was changed from');
    await portalSignIn(lost, house, 'anna', next);
    await lost.waitForURL(/home/);

    // P46: she asks for another address, then signs in as before.
    const late = await openPage(house, { script });
    await begin(late);
    await tick(late, 'email');
    await late.fill('[name=password]', next);
    await submit(late);
    await late.fill('[name=email]', 'anna@example.com');
    await submit(late);
    await late.waitForSelector('text=Send your request');
    await submit(late);
    await late.waitForSelector('text=Write it down');
    await portalSignIn(late, house, 'anna', next);
    await late.waitForURL(/home/);
    await late.waitForSelector('text=A request for access in your name is deleted now.');
    await seen(late, 'portal-home-request-deleted');
    await late.locator('a:has-text("Ask again")').click();
    await late.waitForSelector('text=What can you not use?');
    await seen(late, 'portal-restore-signed-in');
    assert.deepEqual(house.faults, []);
  });
}
