// Tokens that were bought, put on a resource, handed out and confirmed by their users; two resources side by side.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { codes, openPage, run, startMailHouse } from './house.mjs';
import { look } from './look.mjs';
import { choose, clockToken, portalSignIn, pressToken, send, signIn, steps, submit } from './steps.mjs';

const password = 'drei Birnen im Korb';
const seed = (number) => `31323334353637383930313233343536373800${String(number).padStart(2, '0')}`;
const serial = (number) => `87-77700${String(number).padStart(2, '0')}`;
const people = ['anna', 'ben', 'carla', 'dirk', 'emma'];

test('tokens that were received', async (t) => {
  const house = await startMailHouse();
  t.after(house.stop);
  const step = steps(t);
  const { address } = house;
  for (const [name, alias] of [['VPN', 'portal'], ['Mail', 'mail']]) {
    run(house, ['resource', 'add', name]);
    run(house, ['resource', 'portal', name, '--alias', alias, '--actions', 'register_existing_token,synchronize_token,reassign_token,unassign_token']);
  }
  for (const login of people) house.user(login, { password, email: `${login}@example.org` });
  run(house, ['resource', 'assign', 'Mail', '--user', 'anna', '--kind', 'user']);
  const lines = Array.from({ length: 9 }, (_, n) => `${serial(n)},${seed(n)},${n === 8 ? 'hotp' : 'totp'}\n`);
  run(house, ['import', house.file('tokens.csv', lines.join('')), '--batch', 'autumn']);
  // Each is behind by some minutes: the first confirmation finds that.
  const token = (number) => clockToken(seed(number), { behind: 20 });
  const admin = await openPage(house);
  await signIn(admin, house, 'admin');

  const give = async (serials) => {
    await admin.goto(`${address}/admin/batches/autumn`);
    await admin.selectOption('[name=resource]', { label: 'VPN' });
    await admin.fill('[name=serials]', serials);
    await admin.locator('button:has-text("Show what would change")').click();
    await admin.waitForSelector('text=/tokens? would stand on VPN/');
  };
  await step('P52 a set is assigned in one act: preview, then done, and undone', async () => {
    await give(`${serial(0)} to ${serial(5)}\n${serial(8)}`);
    await admin.waitForSelector('text=7 tokens would stand on VPN');
    await look(admin, 'console-batch-part');
    await admin.locator('button:has-text("Give these tokens")').click();
    await admin.waitForURL(/done=batch-assigned/);
    await admin.locator('button:has-text("Take back")').click();
    await admin.waitForURL(/done=batch-unassigned/);
    await give(`${serial(0)} to ${serial(5)}\n${serial(8)}`);
    await admin.locator('button:has-text("Give these tokens")').click();
    await admin.waitForURL(/done=batch-assigned/);
    await admin.goto(`${address}/admin/resources/VPN/unconfirmed`);
    assert.equal(await admin.locator('main tbody tr').count(), 7);
    assert.match(await admin.locator('main tbody tr').first().textContent(), /today/, 'since when');
  });

  let inputs = 0;
  const received = token(0);
  const anna = await openPage(house);
  await step('P16 Existing Token Registration: five inputs, found by their labels alone', async () => {
    const type = async (label, text) => {
      inputs += 1;
      await anna.getByLabel(label, { exact: true }).fill(text);
    };
    const press = (name) => Promise.all([anna.waitForEvent('load'), anna.getByRole('button', { name, exact: true }).click()]);
    await anna.goto(`${address}/selfservice/portal`);
    await type('Your login', 'anna');
    await press('Continue');
    await type('Password or the code we mailed you', password);
    await press('Continue');
    await anna.getByRole('link', { name: 'Existing Token Registration' }).click();
    await type('Serial number', serial(0));
    await type('First code', received.next());
    await type('Next code', received.next());
    await press('Make this token mine');
    await anna.getByRole('heading', { name: 'This token is yours now' }).waitFor();
    assert.ok(inputs <= 5, `${inputs} inputs`);
    await house.mail('anna@example.org', serial(0));
  });

  await step('P30 the pair moves to Tokens with Users; the resource shows three tabs', async () => {
    await admin.goto(`${address}/admin/resources/VPN`);
    for (const tab of ['Users', 'Tokens', 'Tokens with Users']) {
      await admin.locator('.tabs').getByRole('link', { name: new RegExp(`^${tab}( \\d+)?$`) }).waitFor();
    }
    await admin.goto(`${address}/admin/resources/VPN/pairs`);
    assert.match(await admin.locator(`tr:has-text("${serial(0)}")`).textContent(), /anna.*Pair/s);
    await admin.goto(`${address}/admin/resources/VPN/tokens`);
    assert.match(await admin.locator(`tr:has-text("${serial(0)}")`).textContent(), /Confirmed/);
  });

  await step('P31 one pair on several resources; an action changes its own one only', async () => {
    run(house, ['resource', 'assign', 'Mail', '--user', 'anna', '--token', serial(0), '--kind', 'token_with_user']);
    await admin.goto(`${address}/admin/resources/VPN/pairs`);
    await send(admin, { user: 'ben', token: serial(0) });
    await admin.waitForSelector('[aria-invalid=true], .notice, main :text("There is nothing here"), h1:has-text("Nothing was changed")');
    assert.ok(!run(house, ['resource', 'show', 'VPN']).includes('ben '), 'a token has one user');
  });

  await step('P53 My token has a keypad: challenges are shown, the answers go with the serial number', async () => {
    const suite = 'OCRA-1:HOTP-SHA1-6:C-QN08';
    const file = house.file('keypads.csv', `KP-00001,${seed(77)},OCRA,${suite}\n`);
    run(house, ['import', file, '--batch', 'keypads']);
    run(house, ['resource', 'assign', 'VPN', '--token', 'KP-00001', '--kind', 'token']);
    let counter = 0;
    const answer = async (page) => {
      const asked = await page.locator('form strong.code').allTextContents();
      const more = asked.flatMap((challenge) => ['--challenge', challenge]);
      const shown = codes(file, 'KP-00001', ['--counter', String(counter), ...more]);
      counter += asked.length;
      return shown;
    };
    house.user('frida', { password, email: 'frida@example.org' });
    const frida = await openPage(house);
    await portalSignIn(frida, house, 'frida', password);
    await choose(frida, 'Existing Token Registration');
    await frida.getByRole('link', { name: 'My token has a keypad' }).click();
    await frida.waitForSelector('text=Type this into the token first:');
    await look(frida, 'portal-confirm-keypad');
    const [otp1, otp2] = await answer(frida);
    await send(frida, { serial: 'KP-00001', otp1, otp2 });
    await frida.getByRole('heading', { name: 'This token is yours now' }).waitFor();
    await frida.goto(`${address}/selfservice/portal/home`);
    counter += 200;
    await choose(frida, 'Token Synchronization');
    const [first, next] = await answer(frida);
    await send(frida, { otp1: first, otp2: next });
    await frida.waitForURL(/done/);
    await frida.context().close();
  });

  await step('P16 I cannot read the number: the codes alone', async () => {
    run(house, ['import', house.file('worn.csv', `${serial(60)},${seed(60)},totp\n`), '--batch', 'worn']);
    run(house, ['resource', 'assign', 'VPN', '--token', serial(60), '--kind', 'token']);
    house.user('gina', { password, email: 'gina@example.org' });
    const gina = await openPage(house);
    await portalSignIn(gina, house, 'gina', password);
    await choose(gina, 'Existing Token Registration');
    await gina.getByRole('link', { name: 'I cannot read the number' }).click();
    await gina.waitForSelector('text=cannot be found this way.');
    assert.equal(await gina.locator('[name=serial]').count(), 0);
    await send(gina, { otp1: '123456', otp2: '654321' });
    await gina.waitForSelector('text=We could not find this token by its codes.');
    await look(gina, 'portal-confirm-unread');
    const worn = token(60);
    await gina.getByLabel('First code', { exact: true }).fill(worn.next());
    await gina.getByLabel('Next code', { exact: true }).fill(worn.next());
    await submit(gina);
    await gina.getByRole('heading', { name: 'This token is yours now' }).waitFor();
    await house.mail('gina@example.org', serial(60));
    await gina.context().close();
  });

  await step('P51 handed out by name: nobody else can confirm it, and one code is enough', async () => {
    await admin.goto(`${address}/station/token/${serial(1)}`);
    await admin.locator('summary:has-text("Hand out")').click();
    await admin.fill('form[action$="/handout"] [name=login]', 'carla');
    await admin.locator('form[action$="/handout"] button').click();
    await admin.waitForSelector(`text=${serial(1)} is with carla now`);
    const carla = await openPage(house);
    await portalSignIn(carla, house, 'carla', password);
    await choose(carla, 'Existing Token Registration');
    await carla.fill('[name=serial]', serial(1));
    await carla.fill('[name=otp1]', clockToken(seed(1)).next());
    await submit(carla);
    await carla.waitForSelector('text=This token is yours now');
    await carla.context().close();
  });

  const ben = await openPage(house);
  await step('P17 a confirmation that fails says the same whatever the reason; the log says why', async () => {
    run(house, ['token', 'disable', serial(3)]);
    await portalSignIn(ben, house, 'ben', password);
    await choose(ben, 'Existing Token Registration');
    const wrong = { otp1: '123456', otp2: '654321' };
    const of = (number) => ({ otp1: token(number).at(-1), otp2: token(number).at() });
    const tries = [['99-0000000', wrong], [serial(6), of(6)], [serial(0), of(0)], [serial(1), of(1)], [serial(3), of(3)], [serial(2), wrong]];
    const said = [];
    for (const [number, fields] of tries) {
      await send(ben, { serial: number, ...fields });
      said.push((await ben.innerText('main')).replace(/Next code in \d+ s/, ''));
    }
    assert.equal(new Set(said).size, 1, said.join('\n---\n'));
    assert.match(said[0], /We could not confirm this token\./);
    await admin.goto(`${address}/admin/audit`);
    const rows = await admin.locator('main tbody tr:has-text("Confirmation, refused"):has-text("user ben")').allInnerTexts();
    assert.deepEqual(rows.reverse().map((row) => row.match(/user ben .*reason: (\w+)/s)?.[1]),
      ['unknown_serial', 'other_resource', 'held_by_other', 'held_by_other', 'token_disabled', 'not_found']);
  });

  await step('P20 Token Synchronization: a token with a clock, a token with a button', async () => {
    const mine = token(2);
    await send(ben, { serial: serial(2), otp1: mine.next(), otp2: mine.next() });
    await ben.waitForSelector('text=This token is yours now');
    await ben.locator('a:has-text("To your page")').click();
    await choose(ben, 'Token Synchronization');
    const fast = clockToken(seed(2), { behind: -100 });
    await send(ben, { otp1: fast.next(), otp2: fast.next() });
    await ben.waitForSelector('text=Your token is back in time');
    const dirk = await openPage(house);
    const press = pressToken(seed(8));
    await portalSignIn(dirk, house, 'dirk', password);
    await choose(dirk, 'Existing Token Registration');
    await send(dirk, { serial: serial(8), otp1: press(700), otp2: press(701) });
    await dirk.waitForSelector('text=This token is yours now');
    await dirk.goto(`${address}/selfservice/portal/tokens/synchronize`);
    await send(dirk, { otp1: press(900), otp2: press(902) });
    await dirk.waitForSelector('text=A code was left out between these.');
    await look(dirk, 'portal-synchronize-advice');
    await send(dirk, { otp1: press(1500), otp2: press(1501) });
    await dirk.waitForSelector('text=Your token is back in time');
    await dirk.context().close();
  });

  await step('P35 Check OTP tells at the right: accepted, replayed, too far away, wrong', async () => {
    const check = async (otp) => {
      await admin.goto(`${address}/admin/tokens/${serial(4)}/check`);
      await send(admin, { otp });
      const toast = admin.locator('.toast');
      await toast.waitFor();
      const box = await toast.boundingBox();
      assert.ok(box.x > 640, `at the right: ${box.x}`);
      return toast.locator('div').textContent();
    };
    const right = clockToken(seed(4));
    const once = right.at();
    assert.match(await check(once), /^Accepted\. The code fits: .*used up/);
    await look(admin, 'console-token-check-accepted');
    assert.match(await check(once), /^Replayed\. This OTP was already used today/);
    assert.match(await check(right.at(240)), /^Outside the window\. .* 2 h fast\. Resync brings it back/);
    assert.match(await check('000000'), /^Wrong\./);
    await look(admin, 'console-token-check-refused');
  });

  await step('P36 the lists: enabled as icon and word, user, resource, custody, drift; a user is edited from the list', async () => {
    await admin.goto(`${address}/admin/tokens`);
    const heads = await admin.locator('main th[scope=col]').allTextContents();
    for (const head of ['Enabled', 'Custody', 'User', 'Resource', 'Drift']) assert.ok(heads.includes(head), heads.join());
    const row = admin.locator(`tr:has-text("${serial(0)}")`);
    assert.match(await row.innerText(), /Enabled\s+Confirmed\s+anna\s+.*VPN.*(?:9 min 30 s|10 min|10 min 30 s) slow/s);
    assert.equal(await row.locator('.badge').first().locator('svg').count(), 1);
    assert.match(await admin.locator(`tr:has-text("${serial(3)}")`).innerText(), /Disabled/);
    await admin.locator('.side a:has-text("Users")').click();
    await admin.locator('main tbody a:has-text("emma")').click();
    await admin.getByRole('heading', { name: 'Edit', exact: true }).waitFor();
    await admin.fill('#edit-first_name', 'Emma');
    await submit(admin);
    await admin.waitForURL(/done=user-changed/);
  });

  const fresh = token(5);
  await step('P18 Re-Assign Token: one that was received takes the place of the old one everywhere', async () => {
    await anna.goto(`${address}/selfservice/portal/tokens/reassign`);
    await anna.waitForURL(/prove/);
    await send(anna, { otp: received.next() });
    await anna.waitForSelector('text=The token that you have works until the new one is confirmed.');
    await send(anna, { serial: serial(5), otp1: fresh.next(), otp2: fresh.next() });
    await anna.waitForSelector('text=Your token was replaced');
    for (const resource of ['VPN', 'Mail']) {
      await admin.goto(`${address}/admin/resources/${resource}/pairs`);
      const pairs = await admin.textContent('main');
      assert.ok(pairs.includes(serial(5)) && !pairs.includes(serial(0)), resource);
    }
    await admin.goto(`${address}/admin/tokens/${serial(0)}`);
    await admin.waitForSelector('.badge:has-text("Disabled")');
  });

  await step('P19 Unassign Token: on this resource alone, and only its holder may confirm it again', async () => {
    await anna.goto(`${address}/selfservice/portal/tokens/unassign`);
    if (anna.url().includes('prove')) await send(anna, { otp: fresh.next() });
    await anna.locator('button:has-text("Give it back")').click();
    await anna.waitForSelector('text=Your token was given back');
    await admin.goto(`${address}/admin/resources/Mail/pairs`);
    assert.ok((await admin.textContent('main')).includes(serial(5)), 'P31: the other resource keeps it');
    const emma = await openPage(house);
    await portalSignIn(emma, house, 'emma', password);
    await choose(emma, 'Existing Token Registration');
    await send(emma, { serial: serial(5), otp1: fresh.next(), otp2: fresh.next() });
    await emma.waitForSelector('text=We could not confirm this token.');
    await emma.context().close();
  });

  await step('P52 taken back once more: what was confirmed stays', async () => {
    await admin.goto(`${address}/admin/batches/autumn`);
    await admin.locator('button:has-text("Take back")').click();
    await admin.waitForURL(/done=batch-unassigned/);
    await admin.goto(`${address}/admin/resources/VPN/tokens`);
    const left = await admin.textContent('main');
    assert.ok(left.includes(serial(1)) && left.includes(serial(2)) && !left.includes(serial(4)), left);
  });
  assert.deepEqual(house.faults, []);
});
