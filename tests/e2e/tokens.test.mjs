// A user sets up an app by its QR code, replaces it, sets a PIN and gives the token back. An independent
// decoder reads the code from the picture of the page, and codes are computed here, apart from the service.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import jsQR from 'jsqr';
import { PNG } from 'pngjs';
import { look, openPage, portalSignIn, signIn, startHouse, submit } from './house.mjs';

/** The codes of an app that scanned this text. */
function app(uri) {
  const { searchParams } = new URL(uri);
  const bits = [...searchParams.get('secret')]
    .map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  return (ahead = 0) => {
    const step = Buffer.alloc(8);
    step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + ahead));
    const mac = createHmac('sha1', key).update(step).digest();
    const value = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
    return String(value % 1000000).padStart(6, '0');
  };
}

async function scan(page) {
  const picture = PNG.sync.read(await page.locator('.qr').screenshot());
  const found = jsQR(new Uint8ClampedArray(picture.data), picture.width, picture.height);
  assert.ok(found, 'the QR code can be read');
  return found.data;
}

for (const script of [true, false]) {
  test(`a token of one's own, script ${script ? 'on' : 'off'}`, async (t) => {
    const house = await startHouse();
    t.after(house.stop);
    const seen = script ? look : async () => {};
    const admin = await openPage(house, { script });
    await signIn(admin, house, 'admin');
    await admin.goto(`${house.address}/admin/resources/VPN/selfservice`);
    for (const title of ['Register New Token', 'Re-Assign Token', 'Unassign Token', 'PIN Setup', 'Remove PIN']) {
      const answered = admin.waitForResponse((answer) => answer.url().includes('/selfservice') && answer.status() === 200);
      await admin.getByRole('switch', { name: title, exact: true }).click();
      await answered;
      await admin.waitForSelector(`button[role=switch][aria-label="${title}"][aria-checked=true]`);
    }
    for (const kind of ['software', 'hardware', 'universal']) await admin.check(`#type-${kind}`);
    await admin.locator('button:has-text("Save the types")').click();
    await admin.waitForURL(/done=portal-changed/);
    await seen(admin, 'console-selfservice-tokens');

    const user = await openPage(house, { script });
    await portalSignIn(user, house, 'anna', house.logins.anna);
    await user.waitForURL(/home/);
    await user.locator('a:has-text("Register New Token")').click();
    await seen(user, 'portal-register');
    await user.locator('.tabs a:has-text("Hardware")').click();
    await seen(user, 'portal-register-hardware');
    await user.locator('.tabs a:has-text("Universal")').click();
    await seen(user, 'portal-register-universal');
    await user.locator('.tabs a:has-text("Software")').click();
    await user.fill('[name=name]', 'my phone');
    await submit(user);
    await user.waitForURL(/draft/);
    await seen(user, 'portal-draft');
    const uri = await scan(user);
    assert.match(uri, /^otpauth:\/\/totp\/VPN:anna\?secret=[A-Z2-7]{32}&issuer=VPN&algorithm=SHA1&digits=6&period=30$/);
    const code = app(uri);
    await user.fill('[name=otp1]', code(20));
    await submit(user);
    await user.waitForSelector('text=Your code fits, but for another time.');
    await seen(user, 'portal-draft-clock');
    await user.fill('[name=otp1]', code(-1));
    await submit(user);
    await user.waitForSelector('text=Your new token is ready');
    await seen(user, 'portal-draft-done');
    await user.locator('a:has-text("To your page")').click();

    await user.locator('a:has-text("PIN Setup")').click();
    await seen(user, 'portal-pin');
    await user.fill('[name=pin]', '1234');
    await user.fill('[name=again]', '1234');
    await submit(user);
    await user.waitForSelector('.field-error');
    await seen(user, 'portal-pin-easy');
    await user.fill('[name=pin]', '2580');
    await user.fill('[name=again]', '2580');
    await submit(user);
    await user.waitForSelector('text=Your token has a PIN now');

    // Check OTP accepts the next one, with the PIN.
    await admin.goto(`${house.address}/admin/tokens`);
    const serial = await admin.locator('tr:has-text("by anna") a.serial').textContent();
    await admin.goto(`${house.address}/admin/tokens/${serial}`);
    await seen(admin, 'console-token-pin');
    await admin.goto(`${house.address}/admin/tokens/${serial}/check`);
    await admin.fill('[name=otp]', `${code()}2580`);
    await submit(admin);
    await admin.waitForSelector('text=Accepted');

    // A proof, then another app in its place.
    await user.goto(`${house.address}/selfservice/portal/tokens/reassign`);
    await user.waitForURL(/prove/);
    await user.fill('[name=otp]', `${code(1)}2580`);
    await submit(user);
    await user.waitForURL(/reassign/);
    await seen(user, 'portal-reassign');
    await user.locator('.tabs a:has-text("Software")').click();
    await submit(user);
    await user.waitForURL(/draft/);
    const next = app(await scan(user));
    await user.fill('[name=otp1]', next(-1));
    await submit(user);
    await user.waitForSelector('text=Your token was replaced');

    // And given back.
    await user.goto(`${house.address}/selfservice/portal/tokens/unassign`);
    await user.waitForURL(/prove/);
    await user.fill('[name=otp]', next());
    await submit(user);
    await user.waitForSelector('text=Give back token');
    await seen(user, 'portal-unassign');
    await user.locator('button:has-text("Give it back")').click();
    await user.waitForSelector('text=Your token was given back');
    assert.deepEqual(house.faults, []);
  });
}
