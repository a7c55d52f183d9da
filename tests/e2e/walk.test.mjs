// The README's walk in a browser: import, assign, hand out, confirm, sign in with the token, resync.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codes, look, startBrowser, startDemo } from './house.mjs';

let demo, browser, logins, vendorFile;
const opened = () => ['--passphrase-file', join(demo.data, 'seed-files', 'passphrase.txt')];

before(async () => {
  demo = await startDemo();
  browser = await startBrowser();
  const text = readFileSync(join(demo.data, 'demo-logins.txt'), 'utf8');
  const password = (who) => text.match(new RegExp(`^\\w+\\s+${who}\\s+(\\S+)$`, 'm'))?.[1];
  logins = { admin: password('admin'), helpdesk: password('helpdesk'), anna: password('anna') };
  assert.ok(logins.admin && logins.anna, text.replaceAll(/\S{12,}/g, '…'));
  vendorFile = join(demo.data, 'seed-files', 'vendor-batch.pskcxml');
});

after(async () => {
  await browser?.close();
  await demo?.stop();
});

const submit = (page) => page.locator('main form .btn-primary').first().click();

async function signIn(page) {
  await page.goto(`${demo.address}/`);
  await page.fill('[name=login]', 'admin');
  await page.fill('[name=password]', logins.admin);
  await submit(page);
  await page.waitForURL(/admin/);
}

async function portalSignIn(page, login, secret) {
  await page.goto(`${demo.address}/selfservice/portal/portal`);
  await page.fill('[name=login]', login);
  await submit(page);
  await page.waitForURL(/verify/);
  await page.fill('[name=secret]', secret);
  await submit(page);
}

for (const javaScriptEnabled of [true, false]) {
  test(`pages before sign-in, script ${javaScriptEnabled ? 'on' : 'off'}`, async () => {
    const page = await (await browser.newContext({ javaScriptEnabled })).newPage();
    await page.goto(`${demo.address}/`);
    if (javaScriptEnabled) await look(page, 'sign-in');
    await page.goto(`${demo.address}/selfservice/portal/portal`);
    if (javaScriptEnabled) await look(page, 'portal-login');
    assert.match(await page.title(), /./);
    await page.context().close();
  });
}

test('import, assign, hand out, confirm, sign in again, resync', async () => {
  const page = await (await browser.newContext()).newPage();
  const errors = [];
  page.on('console', (message) => { if (message.type() === 'error') errors.push(message.text()); });
  await signIn(page);
  await look(page, 'console-batches-empty');

  await page.goto(`${demo.address}/admin/import`);
  await look(page, 'console-import');
  await page.setInputFiles('#file', vendorFile);
  // The page sees that the file is protected and opens the field by itself.
  await page.locator('[name=passphrase]').waitFor({ state: 'visible' });
  await page.fill('[name=passphrase]', 'mintmark demo');
  await page.fill('[name=batch]', 'vendor');
  await submit(page);
  await page.waitForSelector('button[name=mode]');
  await look(page, 'console-import-plan');
  await page.locator('button[name=mode]').first().click();
  await page.waitForSelector('text=Give them to a resource');
  await look(page, 'console-import-done');

  await page.goto(`${demo.address}/admin/batches/vendor`);
  await look(page, 'console-batch');
  await page.selectOption('[name=resource]', { label: 'VPN' });
  await page.locator('button:has-text("Show what would change")').click();
  await page.locator('button:has-text("Give these tokens")').click();
  await page.waitForLoadState();
  assert.match(await page.textContent('main'), /VPN/);

  for (const [address, name] of [
    ['/admin/tokens', 'console-tokens'], ['/admin/tokens/87-1234501', 'console-token'],
    ['/admin/tokens/87-1234501/check', 'console-token-check'], ['/admin/tokens/87-1234501/resync', 'console-token-resync'],
    ['/admin/resources', 'console-resources'], ['/admin/resources/VPN', 'console-resource'],
    ['/admin/resources/VPN/selfservice', 'console-selfservice'], ['/admin/resources/VPN/users', 'console-resource-users'],
    ['/admin/resources/VPN/tokens', 'console-resource-tokens'], ['/admin/users', 'console-users'],
    ['/admin/users/anna', 'console-user'], ['/admin/audit', 'console-audit'], ['/station', 'station'],
  ]) {
    const answer = await page.goto(`${demo.address}${address}`);
    assert.equal(answer.status(), 200, address);
    await look(page, name);
  }

  await page.goto(`${demo.address}/station`);
  await page.fill('[name=find]', '87-1234501');
  await page.keyboard.press('Enter');
  await page.waitForURL(/station\/token/);
  await look(page, 'station-token');
  await page.locator('summary:has-text("Hand out")').click();
  await page.fill('form[action$="/handout"] [name=login]', 'anna');
  await page.locator('form[action$="/handout"] button').click();
  await page.waitForLoadState();
  await look(page, 'station-handed-out');

  const user = await (await browser.newContext()).newPage();
  await portalSignIn(user, 'anna', logins.anna);
  await user.waitForURL(/home/);
  await look(user, 'portal-home');
  await user.goto(`${demo.address}/selfservice/portal/tokens/confirm`);
  await look(user, 'portal-confirm');
  const [first, second] = codes(vendorFile, '87-1234501', [...opened(), '--count', '2']);
  await user.fill('[name=serial]', '871234501');
  await user.fill('[name=otp1]', first);
  await user.fill('[name=otp2]', second);
  await submit(user);
  await user.waitForLoadState();
  await look(user, 'portal-done');
  assert.match(await user.textContent('main'), /yours/i);
  await user.context().close();

  // From now on the token's code is asked for; the next step's code is accepted once.
  const again = await (await browser.newContext()).newPage();
  await portalSignIn(again, 'anna', logins.anna);
  await again.waitForURL(/otp/);
  await look(again, 'portal-otp');
  const [next] = codes(vendorFile, '87-1234501', [...opened(), '--drift', '30']);
  await again.fill('[name=otp]', next);
  await submit(again);
  await again.waitForURL(/home/);
  await look(again, 'portal-home-token');
  await again.goto(`${demo.address}/selfservice/portal/tokens/synchronize`);
  await look(again, 'portal-synchronize');
  await again.context().close();

  // A token that is 41 days slow: two codes are too few, three bring it back.
  const slow = codes(vendorFile, '87-1234502', [...opened(), '--drift', '-3542400', '--count', '3']);
  await page.goto(`${demo.address}/station/token/87-1234502`);
  const fill = async (values) => {
    for (const [index, value] of values.entries()) await page.fill(`[name=otp${index + 1}]`, value);
    await page.locator('form[action$="/resync"] button').first().click();
    await page.waitForLoadState();
  };
  await fill(slow.slice(1));
  assert.equal(await page.locator('[name=otp3]').count(), 1, 'the third code is asked for');
  await look(page, 'station-third-code');
  await fill(slow);
  assert.match(await page.textContent('.banner'), /41 days/);
  await look(page, 'station-synchronised');
  assert.deepEqual(errors, []);
  await page.context().close();
});

test('a user with only a mail address signs in with the code that was mailed', async () => {
  const user = await (await browser.newContext()).newPage();
  await user.goto(`${demo.address}/selfservice/portal/portal`);
  await user.fill('[name=login]', 'ben');
  await submit(user);
  await user.waitForURL(/verify/);
  await look(user, 'portal-verify');
  const admin = await (await browser.newContext()).newPage();
  await signIn(admin);
  await admin.goto(`${demo.address}/admin/outbox`);
  await look(admin, 'console-outbox');
  const [code] = (await admin.textContent('main')).match(/\b\d{8}\b/);
  await user.fill('[name=secret]', code);
  await submit(user);
  await user.waitForURL(/home/);
  await user.context().close();
  await admin.context().close();
});
