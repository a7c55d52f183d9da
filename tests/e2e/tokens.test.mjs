// A user sets up an app by its QR code, replaces it, sets a PIN and gives the token back. An independent
// decoder reads the code from the picture of the page, and codes are computed here, apart from the service.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { openPage, run, startMailHouse } from './house.mjs';
import { look } from './look.mjs';
import { app, choose, clockToken, hexOfBase32, portalSignIn, pressToken, scan, send, signIn, steps, submit } from './steps.mjs';

const password = 'drei Birnen im Korb';
const [key, another] = ['QK7XW2NDM5RJTZPLYVHC3GBE6SAOIF4U', 'ZP4XQ7LMWN2VTBKDHYJ5RCGAE3SUOI6F'];
const actions = 'register_new_token,reassign_token,unassign_token,setup_pin,remove_pin';

for (const script of [true, false]) {
  test(`a token of one's own, script ${script ? 'on' : 'off'}`, async (t) => {
    const house = await startMailHouse();
    t.after(house.stop);
    const step = steps(t);
    const seen = script ? look : async () => {};
    run(house, ['resource', 'add', 'VPN']);
    run(house, ['resource', 'portal', 'VPN', '--alias', 'portal', '--actions', actions, '--token-types', 'software,hardware,universal']);
    for (const login of ['anna', 'hugo', 'uwe', 'peter']) house.user(login, { password, email: `${login}@example.org` });
    const admin = await openPage(house, { script });
    await signIn(admin, house, 'admin');
    const user = await openPage(house, { script });
    const base = `${house.address}/selfservice/portal`;
    let phone;

    await step('P14 Register New Token: an app, by the QR code on the page', async () => {
      await portalSignIn(user, house, 'anna', password);
      await user.waitForURL(/home/);
      await choose(user, 'Register New Token');
      assert.deepEqual(await user.locator('.tabs a').allTextContents(), ['Software', 'Hardware', 'Universal']);
      for (const tab of ['Hardware', 'Universal']) {
        await user.locator(`.tabs a:has-text("${tab}")`).click();
        await user.waitForSelector('[name=secret]');
      }
      await user.locator('.tabs a:has-text("Software")').click();
      await send(user, { name: 'my phone' });
      await user.waitForURL(/draft/);
      const uri = await scan(user);
      assert.match(uri, /^otpauth:\/\/totp\/VPN:anna\?secret=[A-Z2-7]{32}&issuer=VPN&algorithm=SHA1&digits=6&period=30$/);
      const typed = (await user.textContent('.copy-box code')).replaceAll(' ', '');
      assert.equal(typed, new URL(uri).searchParams.get('secret'), 'the key to type is the one to scan');
      phone = app(uri);
    });

    await step('P15 only a right code makes the token; a wrong one explains the clock', async () => {
      await send(user, { otp1: phone.at(20) });
      await user.waitForSelector('text=Your code fits, but for another time.');
      assert.match(await user.textContent('main'), /The clock of your phone is 10 min fast; ours was checked/);
      await seen(user, 'portal-draft-clock');
      assert.equal(JSON.parse(run(house, ['--json', 'token', 'list'])).items.length, 0, 'nothing is there yet');
      await send(user, { otp1: phone.next() });
      await user.waitForSelector('text=Your new token is ready');
      await seen(user, 'portal-draft-done');
    });

    let serial;
    await step('P37 the new token shows at once in the console, with who made it', async () => {
      await admin.goto(`${house.address}/admin/tokens`);
      serial = await admin.locator('tr:has-text("by anna") a.serial').textContent();
      await admin.goto(`${house.address}/admin/resources/VPN/pairs`);
      assert.match(await admin.locator(`tr:has-text("${serial}")`).textContent(), /anna/);
    });

    await step('P21 PIN Setup: four digits, twice', async () => {
      await user.locator('a:has-text("To your page")').click();
      await choose(user, 'PIN Setup');
      await send(user, { pin: '1234', again: '1234' });
      await user.waitForSelector('.field-error');
      await send(user, { pin: '2580', again: '2581' });
      await user.waitForSelector('text=The two differ.');
      await send(user, { pin: '2580', again: '2580' });
      await user.waitForSelector('text=Your token has a PIN now');
      await house.mail('anna@example.org', 'PIN');
    });

    await step('P33 the PIN is typed after the code', async () => {
      await admin.goto(`${house.address}/admin/tokens/${serial}`);
      await seen(admin, 'console-token-pin');
      await admin.goto(`${house.address}/admin/tokens/${serial}/check`);
      for (const [typed, answer] of [['0000002580', 'Wrong.'], [`${phone.next()}2580`, 'Accepted.']]) {
        await send(admin, { otp: typed });
        await admin.locator(`.toast:has-text("${answer}")`).waitFor();
      }
    });

    await step('P50 a forgotten PIN goes at the desk, with a note; the user is told', async () => {
      const desk = await openPage(house, { script });
      await signIn(desk, house, 'hella');
      await desk.goto(`${house.address}/admin/tokens/${serial}`);
      await desk.fill('[name=pin_note]', 'Showed an identity card.');
      await desk.locator('button:has-text("Remove the PIN")').click();
      await desk.waitForURL(/done=pin-removed/);
      await house.mail('anna@example.org', 'PIN');
      await desk.context().close();
    });

    await step('P32 a fresh code is asked for before the token is changed', async () => {
      await user.goto(`${base}/home`);
      await choose(user, 'Re-Assign Token');
      await user.waitForSelector('text=Is it still you?');
      await send(user, { otp: '000000' });
      await user.waitForSelector('text=That did not fit.');
      await send(user, { otp: phone.next() });
      await user.waitForURL(/reassign/);
    });

    await step('P18 Re-Assign Token: the new one first, then the old one is switched off', async () => {
      await user.locator('.tabs a:has-text("Software")').click();
      await submit(user);
      await user.waitForURL(/draft/);
      phone = app(await scan(user));
      assert.match(run(house, ['token', 'show', serial]), /anna/, 'until then the old one stays');
      await send(user, { otp1: phone.next() });
      await user.waitForSelector('text=Your token was replaced');
      assert.match(run(house, ['token', 'show', serial]), /replaced/);
      await admin.goto(`${house.address}/admin/tokens/${serial}/history`);
      assert.match(await admin.textContent('.timeline'), /replaced/i);
      await admin.goto(`${house.address}/admin/resources/VPN/pairs`);
      assert.ok(!(await admin.textContent('main')).includes(serial), 'it left its places');
    });

    await step('P22 Remove PIN: asked for with a code, and told by mail', async () => {
      await user.goto(`${base}/tokens/pin`);
      await send(user, { pin: '2580', again: '2580' });
      await user.waitForSelector('text=Your token has a PIN now');
      await house.mail('anna@example.org', 'PIN');
      await user.locator('a:has-text("To your page")').click();
      await choose(user, 'Remove PIN');
      // P33: a wrong code and a wrong PIN get the same answer, before the right ones.
      const said = [];
      for (const typed of ['0000002580', `${phone.next()}2581`]) {
        await user.waitForURL(/prove/);
        await send(user, { otp: typed });
        said.push(await user.innerText('.notice'));
      }
      assert.equal(said[0], said[1]);
      await send(user, { otp: `${phone.next()}2580` });
      await user.waitForSelector('text=Remove the PIN?');
      await user.locator('button:has-text("Remove the PIN")').click();
      await user.waitForSelector('text=Your token has no PIN any more');
      await house.mail('anna@example.org', 'PIN');
    });

    await step('P19 Unassign Token: the assignment is the user\'s alone again', async () => {
      await user.goto(`${base}/tokens/unassign`);
      await user.waitForSelector('text=Give back token');
      await user.locator('button:has-text("Give it back")').click();
      await user.waitForSelector('text=Your token was given back');
      await admin.goto(`${house.address}/admin/resources/VPN/users`);
      await admin.getByRole('row', { name: /^anna Assigned/ }).waitFor();
      await user.context().close();
    });

    if (script) {
      await step('P14 Register New Token: hardware and universal, whose secret the user types', async () => {
        const hugo = await openPage(house);
        await portalSignIn(hugo, house, 'hugo', password);
        await hugo.waitForURL(/home/);
        await hugo.goto(`${base}/tokens/register?type=hardware`);
        await hugo.selectOption('[name=model]', { label: 'Feitian c200, 6 digits, a new code every 60 s' });
        await send(hugo, { serial: 'FT-77', secret: key, name: 'on my keys' });
        await hugo.waitForURL(/draft/);
        assert.equal(await hugo.locator('.qr').count(), 0, 'a typed secret is not shown again');
        await send(hugo, { otp1: clockToken(hexOfBase32(key), { step: 60 }).at() });
        await hugo.waitForSelector('text=Your new token is ready');
        await hugo.context().close();
        const uwe = await openPage(house);
        await portalSignIn(uwe, house, 'uwe', password);
        await uwe.waitForURL(/home/);
        await uwe.goto(`${base}/tokens/register?type=universal`);
        await uwe.selectOption('[name=kind]', 'press');
        await send(uwe, { secret: another, counter: '7' });
        await uwe.waitForURL(/draft/);
        const press = pressToken(hexOfBase32(another));
        // P15: a token that counts presses gives two codes.
        assert.equal(await uwe.locator('[data-code]').count(), 2);
        await send(uwe, { otp1: press(7), otp2: press(8) });
        await uwe.waitForSelector('text=Your new token is ready');
        await uwe.context().close();
      });
    }
    assert.deepEqual(house.faults, []);
  });
}
