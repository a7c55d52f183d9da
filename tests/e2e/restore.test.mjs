// Restore access: from the first page to the next sign-in, without script and with, with a real mail server whose
// mails are read back.
import test from 'node:test';
import assert from 'node:assert/strict';
import { openPage, run, startMailHouse } from './house.mjs';
import { look } from './look.mjs';
import { choose, clockToken, portalBegin, portalSignIn, send, signIn, steps, submit } from './steps.mjs';

const seeds = ['31323334353637383930313233343536373839aa', '31323334353637383930313233343536373839bb'];
const anna = 'drei Birnen im Korb';
const next = 'vier Quitten im Netz';
const linkIn = (text) => text.match(/http:\/\/\S+\?k=\S+/)[0];

for (const script of [false, true]) {
  test(`restore access, script ${script ? 'on' : 'off'}`, async (t) => {
    const house = await startMailHouse();
    t.after(house.stop);
    const step = steps(t);
    const seen = script ? look : async () => {};
    run(house, ['resource', 'add', 'VPN']);
    run(house, ['resource', 'portal', 'VPN', '--alias', 'portal', '--actions', 'register_existing_token,change_email']);
    house.user('anna', { email: 'anna@example.org', password: anna });
    const list = house.file('tokens.csv', seeds.map((seed, n) => `R-${n + 1},${seed},totp\n`).join(''));
    run(house, ['import', list, '--batch', 'restore']);
    run(house, ['resource', 'assign', 'VPN', '--token', 'R-1', '--user', 'anna', '--kind', 'token_with_user']);
    run(house, ['resource', 'assign', 'VPN', '--token', 'R-2', '--kind', 'token']);
    const second = clockToken(seeds[1]);

    const begin = async (page, login = 'anna') => {
      await portalBegin(page, house, login);
      await page.locator('a:has-text("Restore access")').click();
      await page.waitForSelector('text=What can you not use?');
    };
    const tick = async (page, ...names) => {
      for (const name of names) await page.check(`[name=${name}]`);
      await submit(page);
    };
    const sent = async (page) => {
      await page.waitForSelector('text=Send your request');
      await submit(page);
      await page.waitForSelector('text=Your request has a number');
      return (await page.textContent('main strong.serial')).trim();
    };
    const verify = async (page, reference, note) => {
      await page.goto(`${house.address}/admin/user-issues`);
      await page.locator('article a:has-text("Verify Identity")').click();
      await page.fill('[name=reference]', reference);
      await page.fill('[name=note]', note);
      await submit(page);
      await page.waitForURL(/done=issue-/);
    };

    const user = await openPage(house, { script });
    let reference;
    await step('P38 Restore access stands under the login, several losses may be ticked', async () => {
      await begin(user);
      assert.equal(await user.locator('main input[type=checkbox]').count(), 3);
      await submit(user);
      await user.waitForSelector('text=Tick what you cannot use.');
      await tick(user, 'token');
    });

    await step('P39 a lost token: password or mailed code prove who asks', async () => {
      await user.waitForSelector('text=What do you still have?');
      assert.deepEqual(await user.locator('main form label').allTextContents(), ['Your password', 'The code that we mailed you']);
      await send(user, { code: '00000000' });
      await user.waitForSelector('text=That did not fit.');
      await send(user, { code: await house.code('anna@example.org', 'Your code for restoring access') });
      await user.waitForSelector('text=Send your request');
    });

    await step('P41 a request has a number; a login that does not exist gets the same pages', async () => {
      reference = await sent(user);
      assert.match(reference, /^\d{3}-\d{3}-\d{3}$/);
      if (!script) return;
      const nobody = await openPage(house, { script });
      await begin(nobody, 'nobody');
      await tick(nobody, 'token', 'password', 'email');
      await send(nobody, { new: next, again: next });
      await send(nobody, { email: 'nobody@example.org' });
      assert.match(await sent(nobody), /^\d{3}-\d{3}-\d{3}$/);
      await nobody.context().close();
    });

    const helpdesk = await openPage(house, { script });
    await step('P42 User Issues say who asks, what is lost and what is proved', async () => {
      await signIn(helpdesk, house, 'hella');
      await helpdesk.goto(`${house.address}/admin/users`);
      await helpdesk.locator('.menu summary').click();
      // The one of nobody is none.
      await helpdesk.locator('.menu a:has-text("User Issues (1)")').click();
      const states = helpdesk.locator('article [aria-label=Authenticators] .badge');
      assert.deepEqual((await states.allInnerTexts()).map((text) => text.trim()), ['Token lost', 'Password not proved', 'E-mail proved']);
      assert.equal(await helpdesk.locator('article [aria-label=Authenticators] .badge svg').count(), 3, 'shapes beside the colours');
      for (const words of [reference, 'anna@example.org', 'VPN', '127.0.0.1']) {
        assert.ok((await helpdesk.textContent('article')).includes(words), words);
      }
      await seen(helpdesk, 'console-user-issues');
    });

    await step('P43 Verify Identity asks for the number and for a note; another request is deleted', async () => {
      await helpdesk.locator('article a:has-text("Verify Identity")').click();
      await send(helpdesk, { reference: '000 000 000', note: 'Saw the passport.' });
      await helpdesk.waitForSelector('text=This is not the number of this request');
      await seen(helpdesk, 'console-user-issue-wrong');
      await send(helpdesk, { reference: reference.replaceAll('-', ' '), note: '' });
      await helpdesk.waitForSelector('[aria-invalid=true]');
      await send(helpdesk, { reference: reference.replaceAll('-', ' '), note: 'Saw the passport.' });
      await helpdesk.waitForURL(/issue-approved/);
      await seen(helpdesk, 'console-user-issues-approved');
      await house.mail('anna@example.org', 'was switched off');

      if (!script) return;
      const again = await openPage(house, { script });
      await begin(again);
      await tick(again, 'password');
      await send(again, { code: await house.code('anna@example.org', 'Your code for restoring access') });
      await send(again, { new: next, again: next });
      await sent(again);
      await helpdesk.goto(`${house.address}/admin/user-issues`);
      await helpdesk.locator('article button:has-text("Delete")').click();
      await helpdesk.waitForURL(/issue-deleted/);
      await again.context().close();
    });

    await step('P44 the lost token is switched off and stays assigned until another is confirmed', async () => {
      assert.match(run(house, ['token', 'show', 'R-1']), /anna/);
      const again = await openPage(house, { script });
      await portalSignIn(again, house, 'anna', anna);
      await again.waitForURL(/home/);
      await choose(again, 'Existing Token Registration');
      await send(again, { serial: 'R-2', otp1: second.at(-11), otp2: second.at(-10) });
      await again.waitForSelector('text=This token is yours now');
      assert.match(run(house, ['token', 'show', 'R-1']), /replaced/);
      await again.context().close();
    });

    const lost = await openPage(house, { script });
    const everything = async (page) => {
      await begin(page);
      await tick(page, 'token', 'password', 'email');
      await send(page, { new: next, again: next });
      await send(page, { email: 'anna@example.net' });
    };
    await step('P40 new data are typed now; nothing is mailed to the new address before approval', async () => {
      await begin(lost);
      await tick(lost, 'token', 'password', 'email');
      await lost.waitForSelector('text=Your new password');
      await send(lost, { new: next, again: `${next}, too` });
      await lost.waitForSelector('text=The two are not the same');
      await send(lost, { new: next, again: next });
      await lost.waitForSelector('text=Your new e-mail address');
      await send(lost, { email: 'anna@example.net' });
      await sent(lost);
      await lost.waitForSelector('text=two of them must agree');
      assert.equal(house.mailsTo('anna@example.net'), 0);
    });

    await step('P43 everything lost: whoever reads the old e-mail can cancel it', async () => {
      const owner = await openPage(house, { script });
      await owner.goto(linkIn(await house.mail('anna@example.org', 'To cancel it without signing in')));
      await seen(owner, 'portal-restore-cancel');
      await owner.locator('button:has-text("Cancel the request")').click();
      await owner.waitForSelector('text=The request is cancelled');
      await seen(owner, 'portal-restore-cancelled');
      await owner.context().close();
    });

    await step('P43 everything lost: two operators must agree, and then it waits for as long as the resource says', async () => {
      const admin = await openPage(house, { script });
      await signIn(admin, house, 'admin');
      await admin.goto(`${house.address}/admin/resources/VPN/selfservice`);
      await admin.fill('[name=restore_wait]', '0');
      await admin.locator('button:has-text("Save the wait")').click();
      await admin.waitForURL(/portal-changed/);
      await everything(lost);
      const number = await sent(lost);
      await verify(helpdesk, number, 'Called back the number on record.');
      assert.equal(house.mailsTo('anna@example.net'), 0, 'one is not enough');
      await seen(helpdesk, 'console-user-issues-first');
      await admin.goto(`${house.address}/admin/user-issues`);
      await verify(admin, number, 'A colleague who knows her.');
      await admin.context().close();
    });

    await step('P45 the password is what was typed; the address once its link is opened, old and new are told', async () => {
      await lost.goto(linkIn(await house.mail('anna@example.net', '?k=')));
      await seen(lost, 'portal-restore-address');
      await submit(lost);
      await lost.waitForSelector('text=Your e-mail address is changed');
      await house.mail('anna@example.org', 'was changed from');
      await house.mail('anna@example.net', 'was changed from');
      await portalSignIn(lost, house, 'anna', next);
      await lost.waitForURL(/home/);
    });

    await step('P46 a sign-in with the old data deletes the request and says so', async () => {
      const late = await openPage(house, { script });
      await begin(late);
      await tick(late, 'email');
      await send(late, { password: next });
      await send(late, { email: 'anna@example.com' });
      await sent(late);
      await portalSignIn(late, house, 'anna', next);
      await late.waitForURL(/home/);
      await late.waitForSelector('text=A request for access in your name is deleted now.');
      await seen(late, 'portal-home-request-deleted');
      await late.getByRole('link', { name: 'Change Email Address' }).first().waitFor();
      await late.locator('a:has-text("Ask again")').click();
      await late.waitForSelector('text=What can you not use?');
      await seen(late, 'portal-restore-signed-in');
    });
    assert.deepEqual(house.faults, []);
  });
}
