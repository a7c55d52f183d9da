// The README's walk in a browser, with script and without: import, assign, hand out, confirm, sign in
// with the token, resync. With script every page on the way is looked at.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { codes, openPage, startHouse } from './house.mjs';
import { look } from './look.mjs';
import { portalSignIn, send, signIn, submit } from './steps.mjs';

for (const script of [true, false]) {
  test(`the walk, script ${script ? 'on' : 'off'}`, async (t) => {
    const house = await startHouse();
    t.after(house.stop);
    const seen = script ? look : async () => {};
    const page = await openPage(house, { script });
    const { address, vendorFile, opened, logins } = house;

    await page.goto(`${address}/`);
    await seen(page, 'sign-in');
    await page.fill('[name=login]', 'admin');
    await page.fill('[name=password]', 'this is not the password');
    await submit(page);
    await seen(page, 'sign-in-wrong');
    await signIn(page, house, 'admin');
    await page.goto(`${address}/admin/batches`);
    await seen(page, 'console-batches-empty');

    // Import: the plan first, then the tokens.
    await page.goto(`${address}/admin/import`);
    await seen(page, 'console-import');
    await page.setInputFiles('#file', vendorFile);
    if (script) {
      // The page sees that the file is protected and opens the field by itself.
      await page.locator('[name=passphrase]').waitFor({ state: 'visible' });
    } else {
      await page.locator('details[data-protected] summary').click();
    }
    await page.fill('[name=passphrase]', 'mintmark demo');
    await page.fill('[name=batch]', 'vendor');
    await submit(page);
    // Without script the page asks again every three seconds by itself.
    await page.waitForSelector('button[name=mode]');
    assert.match(await page.textContent('main'), /opened with its passphrase, 12 TOTP tokens of Example Tokens T-60/);
    await seen(page, 'console-import-plan');
    await page.locator('button[name=mode]').first().click();
    await page.waitForSelector('text=Give them to a resource');
    await seen(page, 'console-import-done');

    await page.locator('text=Give them to a resource').click();
    await page.waitForURL(/batches\/vendor/);
    await seen(page, 'console-batch');
    await page.selectOption('[name=resource]', { label: 'VPN' });
    await page.locator('button:has-text("Show what would change")').click();
    await page.waitForSelector('text=12 tokens would stand on VPN');
    await seen(page, 'console-batch-preview');
    await page.locator('button:has-text("Give these tokens")').click();
    await page.waitForURL(/done=batch-assigned/);
    await seen(page, 'console-batch-assigned');

    // Hand out at the station.
    await page.goto(`${address}/station`);
    await seen(page, 'station');
    await page.fill('[name=find]', '87-1234501');
    await page.locator('button:has-text("Find")').click();
    await page.waitForURL(/station\/token/);
    await seen(page, 'station-token');
    await page.locator('summary:has-text("Hand out")').click();
    await page.fill('form[action$="/handout"] [name=login]', 'anna');
    await page.locator('form[action$="/handout"] button').click();
    await page.waitForSelector('text=87-1234501 is with anna now');
    await seen(page, 'station-handed-out');

    // Confirm in the portal.
    const user = await openPage(house, { script });
    await user.goto(`${address}/selfservice/portal/portal`);
    await portalSignIn(user, house, 'anna', 'not her password');
    await user.waitForSelector('text=That did not fit');
    await user.fill('[name=secret]', logins.anna);
    await submit(user);
    await user.waitForURL(/home/);
    await seen(user, 'portal-home');
    await user.locator('a:has-text("Existing Token Registration")').click();
    await user.waitForURL(/confirm/);
    await user.fill('[name=serial]', '87-1234599');
    await user.fill('[name=otp1]', '123 456');
    await user.fill('[name=otp2]', '654321');
    await submit(user);
    await user.waitForSelector('text=We could not confirm this token.');
    const [first, second] = codes(vendorFile, '87-1234501', [...opened, '--count', '2']);
    await user.fill('[name=serial]', '871234501');
    await user.fill('[name=otp1]', `${first.slice(0, 3)} ${first.slice(3)}`);
    await user.fill('[name=otp2]', second);
    await submit(user);
    await user.waitForSelector('text=This token is yours now');
    await seen(user, 'portal-done');
    await user.context().close();

    // From now on the token's code is asked for, and each code is accepted once.
    const again = await openPage(house, { script });
    await portalSignIn(again, house, 'anna', logins.anna);
    await again.waitForURL(/otp/);
    await again.fill('[name=otp]', second);
    await submit(again);
    await again.waitForSelector('text=already used');
    await seen(again, 'portal-otp-used');
    const [next] = codes(vendorFile, '87-1234501', [...opened, '--drift', '30']);
    await again.fill('[name=otp]', next);
    await submit(again);
    await again.waitForURL(/home/);
    await again.locator('a:has-text("Token Synchronization")').click();
    await again.waitForURL(/synchronize/);
    const fast = codes(vendorFile, '87-1234501', [...opened, '--drift', '3600', '--count', '2']);
    await send(again, { otp1: fast[0], otp2: fast[1] });
    await again.waitForSelector('text=Your token is back in time');
    await seen(again, 'portal-synchronized');
    await again.context().close();

    // A token that is 41 days slow: two codes are too few, three bring it back.
    const slow = codes(vendorFile, '87-1234502', [...opened, '--drift', '-3542400', '--count', '3']);
    await page.goto(`${address}/station/token/87-1234502`);
    const resync = async (values) => {
      for (const [index, value] of values.entries()) await page.fill(`[name=otp${index + 1}]`, value);
      await page.locator('form[action$="/resync"] button').first().click();
    };
    await resync(slow.slice(1));
    await page.waitForSelector('[name=otp3]');
    await seen(page, 'station-third-code');
    await resync(slow);
    await page.waitForSelector('text=The clock is 41 days slow; corrected.');
    await seen(page, 'station-synchronised');
    assert.deepEqual(house.faults, []);
  });
}

test('a user with only a mail address signs in with the code that was mailed', async (t) => {
  const house = await startHouse();
  t.after(house.stop);
  const user = await openPage(house);
  await user.goto(`${house.address}/selfservice/portal/portal`);
  await user.fill('[name=login]', 'ben');
  await submit(user);
  await user.waitForURL(/verify/);
  const admin = await openPage(house);
  await signIn(admin, house, 'admin');
  await admin.goto(`${house.address}/admin/outbox`);
  await look(admin, 'console-outbox');
  const [code] = (await admin.textContent('main')).match(/\b\d{8}\b/);
  await user.fill('[name=secret]', code);
  await submit(user);
  await user.waitForURL(/home/);
  assert.deepEqual(house.faults, []);
});
