// Other ways in: a mailed code from an unusual place, a token whose codes are mailed, an emergency code of the desk.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { openPage, startHouse } from './house.mjs';
import { look } from './look.mjs';
import { portalSignIn, signIn, steps, submit } from './steps.mjs';

const usual = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
const unusual = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0';

async function setPolicy(admin, house, policy) {
  await admin.goto(`${house.address}/admin/resources/VPN/selfservice`);
  await admin.selectOption('[name=policy]', policy);
  // Browser and system are both others: 50 of 100 at most.
  await admin.fill('[name=score]', '70');
  await admin.locator('form:has([name=policy]) button').click();
  await admin.waitForURL(/done=portal-changed/);
}

async function giveAddress(admin, house, login, email) {
  await admin.goto(`${house.address}/admin/users/${login}`);
  await admin.fill('#edit-email', email);
  await admin.locator('button:has-text("Save")').click();
  await admin.waitForURL(/done=user-changed/);
}

/** The newest code of eight digits in the outbox. */
async function mailed(admin, house) {
  await admin.goto(`${house.address}/admin/outbox`);
  return (await admin.textContent('main')).match(/\b\d{8}\b/)[0];
}

for (const script of [true, false]) {
  test(`unusual places, script ${script ? 'on' : 'off'}`, async (t) => {
    const house = await startHouse();
    t.after(house.stop);
    const seen = script ? look : async () => {};
    const admin = await openPage(house, { script });
    await signIn(admin, house, 'admin');
    await giveAddress(admin, house, 'anna', '');
    await admin.goto(`${house.address}/admin/resources/VPN/selfservice`);
    await admin.selectOption('[name=policy]', 'ask_otp');
    await admin.fill('[name=score]', '101');
    await admin.locator('form:has([name=policy]) button').click();
    await admin.waitForSelector('text=0 to 100');
    await seen(admin, 'console-environment-policy-wrong');
    await setPolicy(admin, house, 'ask_otp');
    await seen(admin, 'console-environment-policy');

    const here = await openPage(house, { script, agent: usual });
    await portalSignIn(here, house, 'anna', house.logins.anna);
    await here.waitForURL(/home/);
    const there = await openPage(house, { script, agent: unusual });
    await portalSignIn(there, house, 'anna', house.logins.anna);
    await there.waitForSelector('text=You cannot be let in from here.');
    await seen(there, 'portal-unusual-stopped');
    await giveAddress(admin, house, 'anna', 'anna@example.org');

    await portalSignIn(there, house, 'anna', house.logins.anna);
    await there.waitForURL(/unusual/);
    await there.waitForSelector('text=A code is on its way to your e-mail address');
    await seen(there, 'portal-unusual');
    await there.fill('[name=code]', '00000000');
    await submit(there);
    await there.waitForSelector('text=That did not fit.');
    await seen(there, 'portal-unusual-wrong');
    for (let more = 0; more < 2; more += 1) {
      await there.locator('button:has-text("Mail me another code")').click();
      await there.waitForSelector('text=Another code is on its way.');
    }
    await there.locator('button:has-text("Mail me another code")').click();
    await there.waitForSelector('text=There were enough mails for now.');
    const last = await mailed(admin, house);
    // A new visit, and no mail any more: the page does not say that one is on its way.
    const third = await openPage(house, { script, agent: unusual });
    await portalSignIn(third, house, 'anna', house.logins.anna);
    await third.waitForSelector('text=none is on its way now');
    await seen(third, 'portal-unusual-waiting');
    await third.context().close();
    await there.fill('[name=code]', last);
    await submit(there);
    await there.waitForURL(/home/);

    // Refusing says what a wrong password says; the owner is told.
    await setPolicy(admin, house, 'refuse');
    const stranger = await openPage(house, { script, agent: 'curl/8.5' });
    await portalSignIn(stranger, house, 'anna', house.logins.anna);
    await stranger.waitForSelector('text=That did not fit.');
    await seen(stranger, 'portal-refused');
    await admin.goto(`${house.address}/admin/outbox`);
    assert.match(await admin.textContent('main'), /was not let in/);
    assert.deepEqual(house.faults, []);
  });

  test(`a mail token and an emergency code, script ${script ? 'on' : 'off'}`, async (t) => {
    const house = await startHouse();
    t.after(house.stop);
    const seen = script ? look : async () => {};
    const admin = await openPage(house, { script });
    await signIn(admin, house, 'admin');
    await giveAddress(admin, house, 'anna', 'anna@example.org');
    await admin.goto(`${house.address}/admin/resources/VPN/selfservice`);
    await admin.locator('button[name=toggle][value=register_new_token]').click();
    await admin.waitForSelector('#type-mail');
    await admin.check('#type-mail');
    await admin.locator('button:has-text("Save the types")').click();
    await admin.waitForURL(/done=portal-changed/);
    await seen(admin, 'console-selfservice-mail');

    const user = await openPage(house, { script });
    await portalSignIn(user, house, 'anna', house.logins.anna);
    await user.waitForURL(/home/);
    await user.locator('a:has-text("Register New Token")').click();
    await user.waitForSelector('text=At each sign-in a code is mailed to a…@example.org');
    await user.fill('[name=name]', 'my mailbox');
    await submit(user);
    await user.waitForSelector('text=It is on its way to a…@example.org');
    await user.fill('[name=otp1]', '00000000');
    await submit(user);
    await user.waitForSelector('text=That code did not fit.');
    await seen(user, 'portal-draft-mail-wrong');
    await user.fill('[name=otp1]', await mailed(admin, house));
    await submit(user);
    await user.waitForSelector('text=Your new token is ready');
    await seen(user, 'portal-draft-mail-done');
    await user.goto(`${house.address}/selfservice/portal/home`);
    await user.waitForSelector('text=my mailbox');
    await seen(user, 'portal-home-mail');
    await user.context().close();

    const again = await openPage(house, { script });
    await portalSignIn(again, house, 'anna', house.logins.anna);
    await again.waitForURL(/otp/);
    await again.waitForSelector('text=A code is on its way to a…@example.org');
    await seen(again, 'portal-otp-mail');
    const old = await mailed(admin, house);
    await again.locator('button:has-text("Mail me another code")').click();
    await again.waitForSelector('text=An earlier one is useless now.');
    await again.fill('[name=otp]', old);
    await again.locator('button:has-text("Sign in")').click();
    await again.waitForSelector('text=This code does not hold any more.');
    await seen(again, 'portal-otp-mail-old');
    await again.locator('button:has-text("Mail me another code")').click();
    await again.waitForSelector('text=There were enough mails for now.');
    await seen(again, 'portal-otp-mail-enough');
    await again.fill('[name=otp]', await mailed(admin, house));
    await again.locator('button:has-text("Sign in")').click();
    await again.waitForURL(/home/);
    await again.context().close();

    // The console says of the token what it is, and why there is nothing to check.
    await admin.goto(`${house.address}/admin/users/anna`);
    await admin.locator('a:has-text("ML")').first().click();
    await admin.waitForSelector('text=Codes by mail, 8 digits');
    await seen(admin, 'console-token-mail');
    await admin.goto(`${admin.url().split('?')[0]}/check`);
    await admin.waitForSelector('text=The codes of this token are mailed.');
    await seen(admin, 'console-token-mail-check');

    await steps(t)('P48 the helpdesk gives a code for one sign-in, and takes one back', async () => {
      const desk = await openPage(house, { script });
      await signIn(desk, house, 'helpdesk');
      await desk.goto(`${house.address}/admin/users/anna`);
      await seen(desk, 'console-emergency');
      await desk.fill('#code-note', 'showed a passport');
      await desk.locator('button:has-text("Issue a code")').click();
      await desk.waitForSelector('text=it is not shown again');
      await seen(desk, 'console-emergency-issued');
      const code = (await desk.textContent('main')).match(/\d{4}(-\d{4}){4}/)[0];
      const late = await openPage(house, { script });
      await portalSignIn(late, house, 'anna', house.logins.anna);
      await late.waitForURL(/otp/);
      await late.waitForSelector('text=No code is on its way now');
      await seen(late, 'portal-otp-emergency');
      await late.fill('[name=otp]', code);
      await late.locator('button:has-text("Sign in")').click();
      await late.waitForURL(/home/);
      await late.context().close();
      await desk.fill('#code-note', 'showed a passport');
      await desk.locator('button:has-text("Issue a code")').click();
      await desk.waitForSelector('text=Take it back');
      await desk.locator('button:has-text("Take it back")').click();
      await desk.waitForSelector('text=The emergency code works no longer.');
      await seen(desk, 'console-emergency-revoked');
    });
    assert.deepEqual(house.faults, []);
  });
}
