// A portal with a name, a colour and a logo of its own, in both schemes.
import test from 'node:test';
import assert from 'node:assert/strict';
import { PNG } from 'pngjs';
import { openPage, startHouse } from './house.mjs';
import { look } from './look.mjs';
import { signIn } from './steps.mjs';

/** A disc on nothing. */
function picture() {
  const png = new PNG({ width: 96, height: 96 });
  for (let y = 0; y < 96; y += 1) {
    for (let x = 0; x < 96; x += 1) {
      const inside = (x - 48) ** 2 + (y - 48) ** 2 < 44 ** 2;
      png.data.set([0xa0, 0x30, 0x70, inside ? 255 : 0], (y * 96 + x) * 4);
    }
  }
  return PNG.sync.write(png);
}

for (const script of [false, true]) {
  test(`the look of a portal, script ${script ? 'on' : 'off'}`, async (t) => {
    const house = await startHouse();
    t.after(house.stop);
    const seen = script ? look : async () => {};
    const admin = await openPage(house, { script });
    await signIn(admin, house, 'admin');
    await admin.goto(`${house.address}/admin/resources/VPN/look`);
    await seen(admin, 'console-look-empty');
    await admin.fill('[name=accent]', '#ffd400');
    await admin.locator('button[value=save]').click();
    await admin.waitForSelector('text=/its contrast is 1\\.\\d:1, 4\\.5:1 is needed/');
    await seen(admin, 'console-look-refused');
    await admin.fill('[name=shown_name]', 'Remote access');
    await admin.fill('[name=accent]', '#7a1f5c');
    await admin.locator('button[value=preview]').click();
    await admin.waitForSelector('text=Nothing is saved yet');
    const shown = await admin.locator('.look-preview.is-light .look-button').evaluate((it) => getComputedStyle(it).backgroundColor);
    assert.equal(shown, 'rgb(122, 31, 92)');
    await seen(admin, 'console-look-preview');
    await admin.fill('[name=help_text]', 'Extension 4711, desk@example.org');
    await admin.setInputFiles('[name=logo]', { name: 'logo.svg', mimeType: 'image/svg+xml', buffer: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>') });
    await admin.locator('button[value=save]').click();
    await admin.waitForSelector('text=A logo is a PNG, JPEG or WebP picture');
    await admin.setInputFiles('[name=logo]', { name: 'logo.png', mimeType: 'image/png', buffer: picture() });
    await admin.locator('button[value=save]').click();
    await admin.waitForURL(/done=portal-changed/);
    await seen(admin, 'console-look');

    const user = await openPage(house, { script });
    await user.goto(`${house.address}/selfservice/portal/portal`);
    await user.waitForSelector('text=Remote access');
    await user.waitForSelector('text=Extension 4711, desk@example.org');
    const logo = user.locator('header img.logo');
    assert.equal(await logo.evaluate((it) => it.naturalWidth), 96, 'the logo is shown');
    const button = await user.locator('.btn-primary').evaluate((it) => getComputedStyle(it).backgroundColor);
    assert.equal(button, 'rgb(122, 31, 92)');
    await seen(user, 'portal-look-login');

    // And back again.
    await admin.goto(`${house.address}/admin/resources/VPN/look`);
    await admin.fill('[name=shown_name]', '');
    await admin.fill('[name=accent]', '');
    await admin.check('[name=no_logo]');
    await admin.locator('button[value=save]').click();
    await admin.waitForURL(/done=portal-changed/);
    await user.goto(`${house.address}/selfservice/portal/portal`);
    assert.equal(await user.locator('header img.logo').count(), 0);
    assert.deepEqual(house.faults, []);
  });
}
