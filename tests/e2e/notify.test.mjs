// What operators hear of, reminders, and the portal over TLS with a certificate made by the program.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawn, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binary, importFile, openPage, run, startBrowser, startHouse } from './house.mjs';
import { look } from './look.mjs';
import { signIn, submit } from './steps.mjs';

test('notifications (P47)', async (t) => {
  const house = await startHouse();
  t.after(house.stop);
  const { address } = house;
  const admin = await openPage(house);
  await signIn(admin, house, 'admin');
  await admin.locator('nav a:has-text("Notifications")').click();
  await admin.waitForSelector('text=You hear of nothing yet.');
  await look(admin, 'console-notifications-empty');

  await admin.selectOption('[name=event]', 'import_finished');
  await admin.fill('[name=to]', 'ada@example.org');
  await submit(admin);
  await admin.waitForURL(/done=notification-added/);
  importFile(house);
  await admin.goto(`${address}/admin/outbox`);
  await admin.waitForSelector('text=committed: vendor');

  // A webhook on this machine: the secret is shown once, the trial arrives signed.
  const seen = [];
  const receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => { body += part; });
    request.on('end', () => {
      seen.push({ headers: request.headers, body });
      response.writeHead(204).end();
    });
  });
  await new Promise((done) => receiver.listen(0, '127.0.0.1', done));
  t.after(() => receiver.close());
  await admin.goto(`${address}/admin/notifications`);
  await admin.selectOption('[name=event]', 'locked_user');
  await admin.selectOption('[name=channel]', 'webhook');
  await admin.fill('[name=to]', 'http://hooks.example.org/');
  await submit(admin);
  await admin.waitForSelector('text=A webhook is called by https://');
  await look(admin, 'console-notifications-refused');
  await admin.fill('[name=to]', `http://127.0.0.1:${receiver.address().port}/hook`);
  await submit(admin);
  await admin.waitForSelector('text=/whsec_/');
  await look(admin, 'console-notifications-secret');
  await admin.goto(`${address}/admin/notifications`);
  assert.ok(!(await admin.textContent('main')).includes('whsec_'), 'shown once');
  await admin.locator('tr:has-text("Locked user") button:has-text("Send a trial")').click();
  await admin.waitForURL(/done=notification-tried/);
  for (let tries = 0; seen.length === 0 && tries < 100; tries += 1) await new Promise((done) => setTimeout(done, 100));
  assert.equal(JSON.parse(seen[0].body).type, 'trial');
  assert.match(seen[0].headers['webhook-signature'], /^v1,/);
  await admin.waitForTimeout(500);
  await admin.goto(`${address}/admin/notifications`);
  await admin.waitForSelector('tr:has-text("Locked user") >> text=Delivered');
  await look(admin, 'console-notifications');
  await admin.locator('tr:has-text("Locked user") button:has-text("Remove")').click();
  await admin.waitForURL(/done=notification-removed/);

  // The helpdesk has its own, by mail only.
  const helpdesk = await openPage(house);
  await signIn(helpdesk, house, 'helpdesk');
  await helpdesk.goto(`${address}/admin/notifications`);
  await helpdesk.waitForSelector('text=You hear of nothing yet.');
  assert.equal(await helpdesk.locator('[name=channel] option').count(), 1);
  assert.deepEqual(house.faults, []);
});

test('reminders (P52)', async (t) => {
  const house = await startHouse();
  t.after(house.stop);
  const { address } = house;
  importFile(house);
  run(house, ['batch', 'assign', 'vendor', '--resource', 'VPN']);
  const admin = await openPage(house);
  await signIn(admin, house, 'admin');
  await admin.goto(`${address}/admin/resources/VPN/unconfirmed`);
  await admin.waitForSelector('text=can be reminded by mail now');
  assert.match(await admin.textContent('main'), /No mail address, so no reminder: *anna/);
  await look(admin, 'console-unconfirmed-reminders');
  await submit(admin);
  await admin.waitForURL(/done=reminded/);
  await admin.waitForSelector('text=had a reminder within a day');
  await admin.goto(`${address}/admin/outbox`);
  const mail = await admin.textContent('main');
  assert.match(mail, /Existing Token Registration/);
  assert.ok(mail.includes(`${address}/selfservice/portal`), 'the address of the portal');
  const again = JSON.parse(run(house, ['--json', 'resource', 'confirmations', 'VPN', '--remind']));
  assert.equal(again.reminded, 0);
  assert.ok(again.without_address.includes('anna'));
  assert.deepEqual(house.faults, []);
});

test('the portal over TLS, self-signed (decision 34)', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'mintmark-tls-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const data = join(dir, 'data');
  const mintmark = (...args) => execFileSync(binary, ['--data', data, ...args], { encoding: 'utf8' });
  mintmark('init');
  writeFileSync(join(dir, 'password'), 'drei Birnen im Korb\n');
  mintmark('resource', 'add', 'VPN');
  mintmark('resource', 'portal', 'VPN', '--alias', 'vpn', '--actions', 'change_password');
  mintmark('user', 'add', 'anna', '--resource', 'VPN', '--password-file', join(dir, 'password'));
  const args = ['--data', data, 'serve', '--listen', '127.0.0.1:0', '--portal-listen', '127.0.0.1:0', '--tls-self-signed'];
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGTERM'));
  const address = await new Promise((found, refused) => {
    let printed = '';
    child.on('exit', () => refused(new Error(printed)));
    child.stdout.on('data', (text) => {
      printed += text;
      const match = printed.match(/portal alone listens on (https:\S+)/);
      if (match) found(match[1]);
    });
  });
  const browser = await startBrowser();
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(`${address}/selfservice/vpn/portal`);
  await page.fill('[name=login]', 'anna');
  await submit(page);
  await page.waitForURL(/verify/);
  await page.fill('[name=secret]', 'drei Birnen im Korb');
  await submit(page);
  await page.waitForURL(/home/);
  await page.waitForSelector('text=Change Password');
  const cookies = await context.cookies();
  assert.ok(cookies.length >= 2, JSON.stringify(cookies));
  for (const cookie of cookies) {
    assert.ok(cookie.name.startsWith('__Host-') && cookie.secure && cookie.httpOnly, JSON.stringify(cookie));
  }
  // The portal alone: no console behind this address.
  const answer = await page.goto(`${address}/admin/users`);
  assert.equal(answer.status(), 404);
});
