// The walk of the reference in one piece: from an empty resource to a token that was lost and replaced.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { openPage, run, startMailHouse } from './house.mjs';
import { app, choose, portalBegin, portalSignIn, scan, send, signIn, steps, submit, toggle } from './steps.mjs';

const password = 'drei Birnen im Korb';

test('the walk of the reference', async (t) => {
  const house = await startMailHouse();
  t.after(house.stop);
  const step = steps(t);
  const { address } = house;
  run(house, ['resource', 'add', 'VPN']);
  const admin = await openPage(house);
  const user = await openPage(house);
  await signIn(admin, house, 'admin');
  const kindOf = async (tab) => {
    await admin.goto(`${address}/admin/resources/VPN/${tab}`);
    return (await admin.locator('main tbody tr').allInnerTexts()).filter((row) => row.includes('tess'));
  };

  await step('P1, P4 an admin opens the portal and switches Register New Token on', async () => {
    await admin.goto(`${address}/admin/resources/VPN/selfservice`);
    await admin.getByRole('link', { name: 'Enable User\'s Self-Service for This Resource' }).click();
    await send(admin, { alias: 'portal' });
    await toggle(admin, 'Register New Token');
    await admin.getByLabel('App on a phone').check();
    await admin.getByRole('button', { name: 'Save the types' }).click();
    await admin.waitForURL(/done=portal-changed/);
  });

  await step('P8 a user with a password and an e-mail address, assigned to the resource', async () => {
    await admin.goto(`${address}/admin/users`);
    await admin.getByLabel('Login', { exact: true }).fill('tess');
    await admin.getByLabel('E-mail', { exact: true }).fill('tess@example.org');
    await admin.getByLabel('Password', { exact: true }).fill(password);
    await admin.getByRole('button', { name: 'Add the user' }).click();
    await admin.waitForURL(/done=user-added/);
    await admin.goto(`${address}/admin/resources/VPN/users`);
    await admin.getByLabel('User (login)').fill('tess');
    await admin.getByRole('button', { name: 'Assign', exact: true }).click();
    await admin.waitForURL(/done=assigned/);
    assert.equal((await kindOf('users')).length, 1);
    assert.equal((await kindOf('pairs')).length, 0);
  });

  let phone;
  await step('P14, P15 the user registers an app by the QR code', async () => {
    await user.goto(`${address}/selfservice/portal`);
    await send(user, { login: 'tess' });
    await send(user, { secret: password });
    await user.waitForURL(/home/);
    await choose(user, 'Register New Token');
    await send(user, { name: 'my phone' });
    phone = app(await scan(user));
    await send(user, { otp1: phone.next() });
    await user.waitForSelector('text=Your new token is ready');
  });

  let lost;
  await step('P30, P37 the assignment turns from User to Token with user', async () => {
    assert.equal((await kindOf('users')).length, 0);
    const pairs = await kindOf('pairs');
    assert.equal(pairs.length, 1);
    assert.match(pairs[0], /Pair/);
    await admin.goto(`${address}/admin/tokens`);
    lost = await admin.locator('tr:has-text("by tess") a.serial').textContent();
  });

  await step('P35 Check OTP accepts', async () => {
    await admin.goto(`${address}/admin/tokens/${lost}`);
    await admin.locator('.tabs').getByRole('link', { name: 'Check OTP' }).click();
    await send(admin, { otp: phone.next() });
    await admin.locator('.toast:has-text("Accepted")').waitFor();
  });

  const helpdesk = await openPage(house);
  await step('P38 to P43 the phone is lost: restore access, and an operator approves', async () => {
    await user.context().clearCookies();
    await portalBegin(user, house, 'tess');
    await user.getByRole('link', { name: 'Restore access' }).click();
    await user.getByLabel(/token/i).check();
    await submit(user);
    await send(user, { password });
    await submit(user);
    await user.waitForSelector('text=Your request has a number');
    const reference = (await user.textContent('main strong.serial')).trim();
    await signIn(helpdesk, house, 'hella');
    await helpdesk.goto(`${address}/admin/user-issues`);
    await helpdesk.locator('article').getByRole('link', { name: /Verify Identity/ }).click();
    await send(helpdesk, { reference, note: 'Known to the desk for years.' });
    await helpdesk.waitForURL(/issue-approved/);
    await house.mail('tess@example.org', 'was switched off');
  });

  await step('P44 sign-in without the token, and a new one', async () => {
    await admin.goto(`${address}/admin/tokens/${lost}`);
    await admin.locator('.badge:has-text("Disabled")').waitFor();
    assert.match(await admin.textContent('main .lead'), /tess/, 'it stays assigned');
    await portalSignIn(user, house, 'tess', password);
    await user.waitForURL(/home/);
    await choose(user, 'Register New Token');
    await send(user, { name: 'my new phone' });
    phone = app(await scan(user));
    await send(user, { otp1: phone.next() });
    await user.waitForSelector('text=Your new token is ready');
  });

  await step('P18, P44 the old one is gone from every assignment, the new one is asked for', async () => {
    const pairs = await kindOf('pairs');
    assert.equal(pairs.length, 1);
    assert.ok(!pairs[0].includes(lost));
    for (const tab of ['users', 'tokens']) assert.ok(!(await kindOf(tab)).some((row) => row.includes(lost)), tab);
    assert.deepEqual(JSON.parse(run(house, ['--json', 'token', 'show', lost])).assignments, []);
    await user.context().clearCookies();
    await portalSignIn(user, house, 'tess', password);
    await user.waitForURL(/otp/);
    await send(user, { otp: phone.next() });
    await user.waitForURL(/home/);
  });
  assert.deepEqual(house.faults, []);
});
