// An admin opens the portal of a resource, and users see what was switched on.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { openPage, run, startMailHouse } from './house.mjs';
import { look } from './look.mjs';
import { offered, portalSignIn, scan, send, signIn, steps, submit, toggle } from './steps.mjs';

const password = 'drei Birnen im Korb';

test('switching the portal on', async (t) => {
  const house = await startMailHouse();
  t.after(house.stop);
  const step = steps(t);
  const { address } = house;
  run(house, ['resource', 'add', 'VPN']);
  run(house, ['resource', 'add', 'Mail']);
  run(house, ['resource', 'portal', 'Mail', '--alias', 'mail']);
  house.user('anna', { password });
  house.user('mona', { password, resource: 'Mail' });
  const admin = await openPage(house);
  const tab = `${address}/admin/resources/VPN/selfservice`;
  const shown = () => admin.locator('.preview .action strong').allTextContents();

  await step('P1 from the name of the resource to Enable User\'s Self-Service for This Resource', async () => {
    await signIn(admin, house, 'admin');
    await admin.locator('.side a:has-text("Resources")').click();
    await admin.getByRole('link', { name: 'VPN', exact: true }).click();
    await admin.locator('.tabs').getByRole('link', { name: 'Self-Service' }).click();
    await admin.waitForSelector('text=Self-Service is off');
    await look(admin, 'console-selfservice-off');
    await admin.getByRole('link', { name: 'Enable User\'s Self-Service for This Resource' }).click();
    await admin.waitForSelector('[name=alias]');
  });

  await step('P2 only the alias is asked for; the whole address is there to copy and as a QR code', async () => {
    assert.equal(await admin.locator('main form :is(input, select, textarea):visible').count(), 1);
    await look(admin, 'console-selfservice-alias');
    for (const wrong of ['-vpn', 'VPN', 'a b', 'mail']) {
      await send(admin, { alias: wrong });
      await admin.waitForSelector('[aria-invalid=true]');
    }
    await send(admin, { alias: 'vpn' });
    await admin.waitForSelector('text=Address for the users');
    assert.equal(await admin.textContent('.copy-box code'), `${address}/selfservice/vpn`);
    assert.equal(await scan(admin), `${address}/selfservice/vpn`);
    await admin.fill('[name=alias]', 'portal');
    await admin.getByRole('button', { name: 'Change the alias' }).click();
    await admin.waitForSelector(`text=${address}/selfservice/portal`);
    const states = await Promise.all(['vpn', 'portal'].map((alias) => fetch(`${address}/selfservice/${alias}/portal`)));
    assert.deepEqual(states.map((answer) => answer.status), [404, 200], 'the old one is free at once');
  });

  await step('P3 all actions are off; each is switched by itself, their order by button, key and drag', async () => {
    assert.equal(await admin.getByRole('switch').count(), 14);
    assert.equal(await admin.getByRole('switch', { checked: true }).count(), 0);
    for (const title of ['Existing Token Registration', 'Change Password', 'Change First Name and Last Name']) await toggle(admin, title);
    assert.deepEqual(await shown(), ['Existing Token Registration', 'Change Password', 'Change First Name and Last Name']);
    let answered = admin.waitForEvent('load');
    await admin.getByRole('button', { name: 'Move Change Password up' }).click();
    await answered;
    assert.equal((await shown())[0], 'Change Password');
    await admin.getByRole('button', { name: 'Move Change Password down' }).focus();
    answered = admin.waitForEvent('load');
    await admin.keyboard.press('Enter');
    await answered;
    assert.equal((await shown())[1], 'Change Password');
    answered = admin.waitForEvent('load');
    await admin.locator('li[data-item=change_name]').dragTo(admin.locator('li[data-item=register_existing_token]'), { targetPosition: { x: 20, y: 4 } });
    await answered;
    assert.equal((await shown())[0], 'Change First Name and Last Name');
  });

  await step('P4 Register New Token opens the list of types, in their groups, each off', async () => {
    assert.equal(await admin.locator('[id^=type-]').count(), 0);
    await toggle(admin, 'Register New Token');
    assert.deepEqual(await admin.locator('fieldset:has([id^=type-]) legend').allTextContents(), ['Hardware', 'Software', 'Universal', 'Mail']);
    assert.equal(await admin.locator('[id^=type-]:checked').count(), 0);
    await admin.getByLabel('App on a phone').check();
    await admin.locator('button:has-text("Save the types")').click();
    await admin.waitForURL(/done=portal-changed/);
    await look(admin, 'console-selfservice-types');
  });

  const anna = await openPage(house);
  await step('P13 users see what is on and possible for them, in this order; with nothing they read whom to ask', async () => {
    await portalSignIn(anna, house, 'anna', password);
    await anna.waitForURL(/home/);
    const titles = ['Change First Name and Last Name', 'Existing Token Registration', 'Change Password', 'Register New Token'];
    assert.deepEqual(await offered(anna), titles);
    const mona = await openPage(house);
    await portalSignIn(mona, house, 'mona', password, 'mail');
    await mona.waitForSelector('text=There is nothing to do here right now.');
    await mona.waitForSelector('text=Ask the people who gave you this address.');
    await look(mona, 'portal-home-nothing');
    await mona.context().close();
  });

  await step('P6 for a user the page says which actions show, and why the others do not', async () => {
    await toggle(admin, 'PIN Setup');
    await admin.fill('[name=see]', 'anna');
    await admin.getByRole('button', { name: 'Look' }).click();
    await admin.waitForSelector('text=anna would see 4 actions.');
    assert.equal(await admin.locator('dt:has-text("PIN Setup") + dd').innerText(), 'the user has no token here');
    assert.equal(await admin.locator('dt:has-text("Remove PIN") + dd').innerText(), 'not enabled for this resource');
  });

  await step('P5 switched off, everybody is signed out; switched on again, all is as it was', async () => {
    await admin.getByRole('button', { name: 'Disable Self-Service' }).click();
    await admin.waitForURL(/done=portal-off/);
    assert.equal((await anna.reload()).status(), 404);
    await admin.getByRole('link', { name: 'Enable User\'s Self-Service for This Resource' }).click();
    assert.equal(await admin.inputValue('[name=alias]'), 'portal');
    await submit(admin);
    await admin.waitForURL(/done=portal-on/);
    assert.deepEqual((await shown()).slice(0, 2), ['Change First Name and Last Name', 'Existing Token Registration']);
    await anna.goto(`${address}/selfservice/portal/home`);
    await anna.waitForURL(/\/portal$/);
    await admin.goto(tab);
    assert.equal(await admin.locator('#type-software').isChecked(), true);
  });
  assert.deepEqual(house.faults, []);
});
