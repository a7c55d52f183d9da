// Who gets into the portal, with what, and who does not.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { openPage, run, startMailHouse } from './house.mjs';
import { look } from './look.mjs';
import { clockToken, portalBegin, portalSignIn, send, signIn, steps, submit } from './steps.mjs';

const password = 'drei Birnen im Korb';
const seeds = { T1: '31323334353637383930313233343536373839c1', T2: '31323334353637383930313233343536373839c2' };

for (const script of [true, false]) {
  test(`the door of the portal, script ${script ? 'on' : 'off'}`, async (t) => {
    const house = await startMailHouse();
    t.after(house.stop);
    const step = steps(t);
    const { address } = house;
    const seen = script ? look : async () => {};
    run(house, ['resource', 'add', 'VPN']);
    run(house, ['resource', 'portal', 'VPN', '--alias', 'portal', '--actions', 'synchronize_token,change_name']);
    house.user('anna', { password, email: 'anna@example.org' });
    house.user('otto', { email: 'otto@example.org' });
    house.user('carl', {});
    house.user('nora', { password, resource: null });
    house.user('dora', { password, resource: null });
    house.user('emil', { password, resource: null });
    const list = Object.entries(seeds).map(([serial, seed]) => `${serial},${seed},totp\n`).join('');
    run(house, ['import', house.file('tokens.csv', list), '--batch', 'door']);
    run(house, ['resource', 'assign', 'VPN', '--user', 'dora', '--token', 'T1', '--kind', 'user_token']);
    run(house, ['resource', 'assign', 'VPN', '--user', 'emil', '--token', 'T2', '--kind', 'token_with_user']);
    const page = await openPage(house, { script });
    const leave = () => page.context().clearCookies();
    const admin = await openPage(house, { script });
    await signIn(admin, house, 'admin');

    await step('P7 who stands on the resource gets in, in each of the three ways; nobody else', async () => {
      for (const [login, where] of [['anna', /home/], ['dora', /home/], ['emil', /otp/]]) {
        await portalSignIn(page, house, login, password);
        await page.waitForURL(where);
        await leave();
      }
      await portalSignIn(page, house, 'nora', password);
      await page.waitForSelector('text=That did not fit.');
      await leave();
    });

    await step('P8 with both the password is asked for, with e-mail alone a code, with neither nobody gets in', async () => {
      await portalBegin(page, house, 'otto');
      const code = await house.code('otto@example.org', 'code');
      assert.equal(house.mailsTo('anna@example.org'), 0);
      await send(page, { secret: code });
      await page.waitForURL(/home/);
      await leave();
      await portalSignIn(page, house, 'carl', password);
      await page.waitForSelector('text=That did not fit.');
      await leave();
      await admin.goto(`${address}/admin/users/carl`);
      await admin.waitForSelector('.notice.is-attention, .notice.is-bad');
      assert.match(await admin.locator('.notice').first().textContent(), /sign in/);
      await seen(admin, 'console-user-no-way-in');
    });

    await step('P49 a code that is not accepted: Synchronize stands there, signs in and uses the codes up', async () => {
      await portalSignIn(page, house, 'emil', password);
      await page.waitForURL(/otp/);
      assert.equal(await page.locator('main a:has-text("Restore access")').count(), 1);
      assert.equal(await page.locator('text=Synchronize and sign in').count(), 0);
      const drifted = clockToken(seeds.T2, { behind: 100 });
      await send(page, { otp: drifted.at() });
      await page.waitForSelector('text=That code did not fit.');
      const [one, two] = [drifted.next(), drifted.next()];
      const synchronize = async () => {
        await page.fill('#sync-otp1', one);
        await page.fill('#sync-otp2', two);
        await page.locator('button:has-text("Synchronize and sign in")').click();
      };
      await synchronize();
      await page.waitForURL(/home/);
      await page.waitForSelector('text=/Its clock is 50 min( \\d+ s)? slow; we know that\\.|Its clock is 49 min 30 s slow; we know that\\./');
      await leave();
      await portalSignIn(page, house, 'emil', password);
      await page.waitForURL(/otp/);
      await send(page, { otp: two });
      await page.waitForSelector('text=This code was already used.');
      await send(page, { otp: drifted.next() });
      await page.waitForURL(/home/);
      await leave();
    });

    // Without script the way in is walked; what follows is the same form sent again and again.
    if (!script) {
      assert.deepEqual(house.faults, []);
      return;
    }

    await step('P9 three pages, the same for every login; the third only after the second', async () => {
      const pages = [];
      for (const login of ['anna', 'carl', 'emil', 'nora', 'nobody']) {
        await portalBegin(page, house, login);
        assert.equal(await page.locator('main a:has-text("Restore access")').count(), 1);
        pages.push((await page.innerHTML('main')).replaceAll(login, '').replace(/value="[0-9a-f]{20,}"/g, ''));
        await page.goto(`${address}/selfservice/portal/otp`);
        await page.waitForURL(/verify/);
        await leave();
      }
      assert.equal(new Set(pages).size, 1);
    });

    await step('P10 mailed codes: eight digits, one use, a new one voids the old one, three in a quarter of an hour', async () => {
      const first = await (async () => {
        await portalBegin(page, house, 'otto');
        return house.code('otto@example.org', 'code');
      })();
      assert.match(first, /^\d{8}$/);
      await portalBegin(page, house, 'otto');
      const second = await house.code('otto@example.org', 'code');
      await send(page, { secret: first });
      await page.waitForSelector('text=That did not fit.');
      await send(page, { secret: second });
      await page.waitForURL(/home/);
      await leave();
      await portalBegin(page, house, 'otto');
      await send(page, { secret: second });
      await page.waitForSelector('text=That did not fit.');
      await leave();
      const mails = house.mailsTo('otto@example.org');
      await portalBegin(page, house, 'otto');
      await portalBegin(page, house, 'nobody');
      await leave();
      assert.equal(house.mailsTo('otto@example.org'), mails, 'three, one of them for P8');
      assert.equal(mails, 3);
    });

    await step('P11 five failures block the method for a while, and say so; an operator opens it', async () => {
      await portalBegin(page, house, 'anna');
      for (let failure = 0; failure < 5; failure += 1) await send(page, { secret: `guess number ${failure}` });
      await send(page, { secret: password });
      await page.waitForSelector('text=There were too many tries that did not fit.');
      assert.match(await page.textContent('main'), /The next try is possible in \d+ s\./);
      await seen(page, 'portal-verify-blocked');
      await admin.goto(`${address}/admin/users/anna`);
      await seen(admin, 'console-user-blocked');
      await admin.locator('button:has-text("Unblock")').click();
      await admin.waitForURL(/done=user-unblocked/);
      await send(page, { secret: password });
      await page.waitForURL(/home/);
    });
    assert.deepEqual(house.faults, []);
  });
}

test('P12 an integration makes users on first sight, through the API', async (t) => {
  const house = await startMailHouse();
  t.after(house.stop);
  run(house, ['resource', 'add', 'VPN']);
  run(house, ['resource', 'portal', 'VPN', '--alias', 'portal', '--actions', 'change_name']);
  const key = JSON.parse(run(house, ['--json', 'apikey', 'add', 'gateway', '--role', 'provisioner'])).key;
  const make = (email) => fetch(`${house.address}/api/v1/users`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ login: 'gina', email, on_conflict: 'fill', resource: 'VPN' }),
  });
  const answers = [await make('gina@example.org'), await make('somebody.else@example.org')];
  for (const answer of answers) assert.ok(answer.ok, await answer.text());
  const page = await openPage(house);
  await portalBegin(page, house, 'gina');
  await send(page, { secret: await house.code('gina@example.org', 'code') });
  await page.waitForURL(/home/);
  assert.equal(house.mailsTo('somebody.else@example.org'), 0, 'what is on record stays');
});
