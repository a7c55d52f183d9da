// What people change of themselves in the portal: without script, then with every page looked at.
import test from 'node:test';
import assert from 'node:assert/strict';
import { openPage, run, startMailHouse } from './house.mjs';
import { look } from './look.mjs';
import { choose, portalBegin, portalSignIn, send, signIn, steps, submit } from './steps.mjs';

const actions = 'synchronize_token,create_password,change_password,change_email,change_phone,change_login,change_name,manage_environment';
const first = 'drei Birnen im Korb';
const second = 'vier Quitten im Netz';

for (const script of [false, true]) {
  test(`the profile, script ${script ? 'on' : 'off'}`, async (t) => {
    const house = await startMailHouse();
    t.after(house.stop);
    const step = steps(t);
    const seen = script ? look : async () => {};
    const { address } = house;
    const base = `${address}/selfservice/portal`;
    run(house, ['resource', 'add', 'VPN']);
    run(house, ['resource', 'portal', 'VPN', '--alias', 'portal', '--actions', actions]);
    house.user('ben', { email: 'ben@example.org' });
    house.user('anna', { password: first });
    const told = (words, to = 'ben@example.org') => house.mail(to, words);

    const admin = await openPage(house, { script });
    await signIn(admin, house, 'admin');

    await step('P6 the console says what a user would see, and why not the rest', async () => {
      await admin.goto(`${address}/admin/resources/VPN/selfservice?see=ben`);
      await admin.waitForSelector('text=ben would see 6 actions.');
      const reasons = await admin.locator('dt:has-text("Change Password") + dd').textContent();
      assert.match(reasons, /the user has no password yet/);
      await seen(admin, 'console-selfservice-actions');
    });

    const user = await openPage(house, { script });
    await step('P32 a fresh proof is asked for: without token and password, a mailed code', async () => {
      await portalBegin(user, house, 'ben');
      await send(user, { secret: await house.code('ben@example.org', 'code') });
      await user.waitForURL(/home/);
      await user.goto(`${base}/prove?then=login`);
      await seen(user, 'portal-prove-mail');
      await submit(user);
      await user.waitForSelector('text=A code is on its way');
      await send(user, { proof: '123' });
      await user.waitForSelector('text=That did not fit.');
      await seen(user, 'portal-prove-mailed-wrong');
      await send(user, { proof: await house.code('ben@example.org', 'code') });
      await user.waitForURL(/\/login$/);
    });

    await step('P23 Create Password', async () => {
      await user.goto(`${base}/home`);
      await choose(user, 'Create Password');
      await send(user, { new: 'too short', again: 'too short' });
      await user.waitForSelector('text=at least 15 are needed');
      await seen(user, 'portal-password-short');
      await send(user, { new: first, again: first });
      await user.waitForSelector('text=You have a password now.');
      await seen(user, 'portal-password-created');
      await told('password');
    });

    await step('P24 Change Password: the old one is asked for', async () => {
      await choose(user, 'Change Password');
      await send(user, { old: 'not the old one', new: second, again: second });
      await user.waitForSelector('text=That is not the password on record.');
      await send(user, { old: first, new: second, again: second });
      await user.waitForSelector('text=Your password is changed.');
      await told('password was changed');
      await user.goto(`${base}/prove?then=login`);
      await user.waitForSelector('text=Your password');
    });

    await step('P28 Change First Name and Last Name', async () => {
      await user.goto(`${base}/name`);
      await send(user, { first_name: 'Ben', last_name: 'Muster' });
      await user.waitForSelector('text=Hello, Ben');
    });

    await step('P26 Change Contact Phone Number: kept as the world dials it', async () => {
      await user.goto(`${base}/phone`);
      await send(user, { phone: '030 1234' });
      await user.waitForSelector('[aria-invalid=true]');
      await send(user, { phone: '+49 (30) 12 34 56' });
      await user.waitForSelector('text=Your phone number is changed.');
      await user.goto(`${base}/phone`);
      assert.equal(await user.inputValue('[name=phone]'), '+4930123456');
    });

    await step('P25 Change Email Address: a code proves the new one, both are told', async () => {
      await user.goto(`${base}/email`);
      await send(user, { email: 'ben@example.net' });
      await user.waitForSelector('text=A code is on its way to');
      await send(user, { code: '00000000' });
      await user.waitForSelector('[aria-invalid=true], .notice.is-bad');
      await send(user, { code: await house.code('ben@example.net', 'code') });
      await user.waitForSelector('text=Your e-mail address is changed.');
      for (const to of ['ben@example.org', 'ben@example.net']) await told('from b…@example.org to b…@example.net', to);
    });

    await step('P27 Change Login: unique, and it warns', async () => {
      await user.goto(`${base}/login`);
      await send(user, { login: 'anna' });
      await user.waitForSelector('text=This login is taken');
      await seen(user, 'portal-login-taken');
      await send(user, { login: 'ben.muster' });
      await user.waitForSelector('text=Your login is changed.');
      await told('from ben to ben.muster', 'ben@example.net');
    });

    await step('P34 every change stands in the audit log', async () => {
      await user.context().close();
      await admin.goto(`${address}/admin/audit`);
      const log = await admin.textContent('main table');
      for (const what of [/password/i, /e-?mail/i, /phone/i, /login/i, /name/i]) assert.match(log, what);
      assert.ok((await admin.locator('main tbody tr:has-text("ben")').count()) >= 6);
      await seen(admin, 'console-audit-portal');
    });

    await step('P29 Manage User Environment: each is listed, can be named, trusted and forgotten', async () => {
      const again = await openPage(house, { script });
      for (const agent of ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', null]) {
        const page = agent ? await openPage(house, { script, agent }) : again;
        await portalSignIn(page, house, 'ben.muster', second);
        await page.waitForURL(/home/);
      }
      await choose(again, 'Manage User Environment');
      await again.waitForSelector('text=This one');
      const text = await again.textContent('main');
      // The size of the screen is known with script only.
      assert.equal(/\d{3,4}x\d{3,4}/.test(text), script);
      assert.match(text, /Alike to this one\s*\d+ of 100/);
      await again.locator('[name=name]').first().fill('The laptop');
      await again.locator('button[value=name]').first().click();
      await again.waitForSelector('text=The name is saved.');
      await again.locator('button:has-text("Trust it")').first().click();
      await again.waitForSelector('text=It is trusted from now on.');
      await seen(again, 'portal-environment-trusted');
      const before = await again.locator('button:has-text("Forget it")').count();
      await again.locator('button:has-text("Forget it")').last().click();
      await again.waitForSelector('text=/forgotten/');
      assert.equal(await again.locator('button:has-text("Forget it")').count(), before - 1);
      await again.locator('button:has-text("Sign out everywhere")').click();
      await again.waitForSelector('text=You are signed out.');
    });
    assert.deepEqual(house.faults, []);
  });
}
