// What people change of themselves in the portal: without script, then with every page looked at.
import test from 'node:test';
import assert from 'node:assert/strict';
import { look, openPage, portalSignIn, signIn, startHouse, submit } from './house.mjs';

const actions = ['create_password', 'change_password', 'change_email', 'change_phone', 'change_login', 'change_name'];
actions.push('manage_environment');

for (const script of [false, true]) {
  test(`the profile, script ${script ? 'on' : 'off'}`, async (t) => {
    const house = await startHouse();
    t.after(house.stop);
    const seen = script ? look : async () => {};
    const { address } = house;
    const base = `${address}/selfservice/portal`;

    const admin = await openPage(house, { script });
    await signIn(admin, house, 'admin');
    for (const action of actions) {
      await admin.goto(`${address}/admin/resources/VPN/selfservice`);
      await admin.locator(`button[name=toggle][value=${action}]`).click();
      await admin.waitForURL(/done=portal-changed/);
    }
    await admin.goto(`${address}/admin/resources/VPN/selfservice?see=ben`);
    await admin.waitForSelector('text=the user has no password yet');
    await seen(admin, 'console-selfservice-actions');
    const code = async () => {
      await admin.goto(`${address}/admin/outbox`);
      return (await admin.textContent('main')).match(/\b\d{8}\b/)[0];
    };

    // ben has a mail address only: a code lets him in, then he makes himself a password.
    const user = await openPage(house, { script });
    await user.goto(`${base}/portal`);
    await user.fill('[name=login]', 'ben');
    await submit(user);
    await user.waitForURL(/verify/);
    await user.fill('[name=secret]', await code());
    await submit(user);
    await user.waitForURL(/home/);
    await seen(user, 'portal-home-actions');
    await user.goto(`${base}/prove?then=login`);
    await seen(user, 'portal-prove-mail');
    await submit(user);
    await user.waitForSelector('text=A code is on its way');
    await user.fill('[name=proof]', '123');
    await submit(user);
    await user.waitForSelector('text=That did not fit.');
    await seen(user, 'portal-prove-mailed-wrong');
    await user.fill('[name=proof]', await code());
    await submit(user);
    await user.waitForURL(/\/login$/);
    await user.goto(`${base}/home`);
    await user.locator('a:has-text("Create Password")').click();
    await user.fill('[name=new]', 'too short');
    await user.fill('[name=again]', 'too short');
    await submit(user);
    await user.waitForSelector('text=at least 15 are needed');
    await seen(user, 'portal-password-short');
    await user.fill('[name=new]', 'drei Birnen im Korb');
    await user.fill('[name=again]', 'drei Birnen im Korb');
    await submit(user);
    await user.waitForSelector('text=You have a password now.');
    await seen(user, 'portal-password-created');

    await user.locator('a:has-text("Change Password")').click();
    await user.fill('[name=old]', 'not the old one');
    await user.fill('[name=new]', 'vier Quitten im Netz');
    await user.fill('[name=again]', 'vier Quitten im Netz');
    await submit(user);
    await user.waitForSelector('text=That is not the password on record.');
    await seen(user, 'portal-password-wrong');
    await user.fill('[name=old]', 'drei Birnen im Korb');
    await user.fill('[name=new]', 'vier Quitten im Netz');
    await user.fill('[name=again]', 'vier Quitten im Netz');
    await submit(user);
    await user.waitForSelector('text=Your password is changed.');

    await user.goto(`${base}/prove?then=login`);
    await user.waitForSelector('text=Your password');
    await seen(user, 'portal-prove-password');

    await user.goto(`${base}/name`);
    await seen(user, 'portal-name');
    await user.fill('[name=first_name]', 'Ben');
    await user.fill('[name=last_name]', 'Muster');
    await submit(user);
    await user.waitForSelector('text=Hello, Ben');
    await user.goto(`${base}/phone`);
    await user.fill('[name=phone]', '030 1234');
    await submit(user);
    await user.waitForSelector('[aria-invalid=true]');
    await seen(user, 'portal-phone-wrong');
    await user.fill('[name=phone]', '+49 (30) 12 34 56');
    await submit(user);
    await user.waitForSelector('text=Your phone number is changed.');

    await user.goto(`${base}/email`);
    await seen(user, 'portal-email');
    await user.fill('[name=email]', 'ben@example.net');
    await submit(user);
    await user.waitForSelector('text=A code is on its way to');
    await seen(user, 'portal-email-code');
    await user.fill('[name=code]', await code());
    await submit(user);
    await user.waitForSelector('text=Your e-mail address is changed.');

    await user.goto(`${base}/login`);
    await user.fill('[name=login]', 'anna');
    await submit(user);
    await user.waitForSelector('text=This login is taken');
    await seen(user, 'portal-login-taken');
    await user.fill('[name=login]', 'ben.muster');
    await submit(user);
    await user.waitForSelector('text=Your login is changed.');
    await admin.goto(`${address}/admin/outbox`);
    const mails = await admin.textContent('main');
    for (const words of ['from ben to ben.muster', 'from b…@example.org to b…@example.net', 'password was changed']) {
      assert.ok(mails.includes(words), words);
    }
    await seen(admin, 'console-outbox-notices');
    await user.context().close();

    const again = await openPage(house, { script });
    await portalSignIn(again, house, 'ben.muster', 'vier Quitten im Netz');
    await again.waitForURL(/home/);
    await again.locator('a:has-text("Manage User Environment")').click();
    await again.waitForSelector('text=This one');
    await seen(again, 'portal-environment');
    // The size of the screen is known with script only.
    assert.equal(/\d{3,4}x\d{3,4}/.test(await again.textContent('main')), script);
    await again.fill('[name=name]', 'The laptop');
    await again.locator('button[value=name]').first().click();
    await again.waitForSelector('text=The name is saved.');
    await again.locator('button:has-text("Trust it")').first().click();
    await again.waitForSelector('text=It is trusted from now on.');
    await seen(again, 'portal-environment-trusted');
    await again.locator('button:has-text("Sign out everywhere")').click();
    await again.waitForSelector('text=You are signed out.');
    assert.deepEqual(house.faults, []);
  });
}
