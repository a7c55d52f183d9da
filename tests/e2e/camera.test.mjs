// A serial number read by the camera: where the browser finds bar codes by itself, and nowhere else.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { openPage, run, startMailHouse } from './house.mjs';
import { look } from './look.mjs';
import { clockToken, portalSignIn, send, steps } from './steps.mjs';

const password = 'drei Birnen im Korb';
const seed = '31323334353637383930313233343536373839d1';

/** In the place of the browser's own: finds what the test lays before it. */
function detector() {
  window.laid = [];
  window.asked = [];
  window.BarcodeDetector = class {
    static getSupportedFormats() { return Promise.resolve(['code_128', 'code_39', 'ean_13', 'qr_code', 'data_matrix', 'pdf417']); }
    constructor({ formats }) { window.asked = formats; }
    detect(video) {
      if (!(video instanceof HTMLVideoElement) || video.videoWidth === 0) return Promise.reject(new Error('no frame'));
      return Promise.resolve(window.laid.map((rawValue) => ({ rawValue })));
    }
  };
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wish) => {
    if (window.refuses) throw new DOMException('', 'NotAllowedError');
    window.stream = await ask(wish);
    return window.stream;
  };
}

test('a serial number by camera', async (t) => {
  const house = await startMailHouse();
  t.after(house.stop);
  const step = steps(t);
  run(house, ['resource', 'add', 'VPN']);
  run(house, ['resource', 'portal', 'VPN', '--alias', 'portal', '--actions', 'register_existing_token,register_new_token,reassign_token', '--token-types', 'hardware']);
  for (const login of ['anna', 'ben']) house.user(login, { password });
  run(house, ['import', house.file('tokens.csv', `C-1,${seed},totp\n`), '--batch', 'camera']);
  run(house, ['resource', 'assign', 'VPN', '--token', 'C-1', '--user', 'ben', '--kind', 'token_with_user']);
  const base = `${house.address}/selfservice/portal`;
  const confirm = `${base}/tokens/confirm`;
  const button = (page) => page.getByRole('button', { name: 'Scan it with the camera' });
  const stopped = (page) => page.evaluate(() => window.stream.getTracks().every((track) => track.readyState === 'ended'));

  const page = await openPage(house, { ready: detector });
  await step('the button shows, and the camera with what to do', async () => {
    await portalSignIn(page, house, 'anna', password);
    await page.goto(confirm);
    await button(page).click();
    await page.getByRole('button', { name: 'Stop the camera' }).waitFor();
    await page.waitForFunction(() => document.querySelector('video').videoWidth > 0);
    // A frame may come before the page has its detector.
    await page.waitForFunction(() => window.asked.length > 0);
    assert.deepEqual(await page.evaluate(() => window.asked), ['code_128', 'code_39', 'ean_13', 'qr_code', 'data_matrix']);
    await look(page, 'portal-camera');
  });

  await step('a number is typed in, said politely, and the camera stops', async () => {
    // What may stand beside it on a token is passed over.
    await page.evaluate(() => { window.laid = ['otpauth://totp/VPN?secret=MFRGGZDFMZTWQ2LK']; });
    await page.waitForTimeout(400);
    assert.equal(await page.inputValue('[name=serial]'), '');
    await page.evaluate(() => { window.laid = ['https://example.org/t/1', ' 87-1234567 ']; });
    await page.waitForFunction(() => document.querySelector('[name=serial]').value === '87-1234567');
    await page.locator('[role=status]:has-text("Read and typed in.")').waitFor();
    assert.equal(await stopped(page), true);
    assert.equal(await page.evaluate(() => document.activeElement.name), 'serial');
    assert.equal(await page.locator('video').isVisible(), false);
    await look(page, 'portal-camera-read');
  });

  await step('Escape and a button end it', async () => {
    await page.evaluate(() => { window.laid = []; });
    for (const end of [() => page.keyboard.press('Escape'), () => page.getByRole('button', { name: 'Stop the camera' }).click()]) {
      await button(page).click();
      await page.getByRole('button', { name: 'Stop the camera' }).waitFor();
      await end();
      await page.locator('[role=status]:has-text("The camera is off.")').waitFor();
      assert.equal(await stopped(page), true);
      await button(page).waitFor();
    }
  });

  await step('refused, it says to type the number', async () => {
    await page.evaluate(() => { window.refuses = true; });
    await button(page).click();
    await page.locator('[role=status]:has-text("Type the number.")').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.name), 'serial');
  });

  await step('it stands on the hardware tab and beside a received one that replaces another, too', async () => {
    await page.goto(`${base}/tokens/register?type=hardware`);
    await button(page).waitFor();
    const ben = await openPage(house, { ready: detector });
    await portalSignIn(ben, house, 'ben', password);
    const mine = clockToken(seed);
    await send(ben, { otp: mine.next() });
    await ben.goto(`${base}/tokens/reassign`);
    if (ben.url().includes('prove')) await send(ben, { otp: mine.next() });
    await button(ben).waitFor();
  });

  await step('without a detector, without a camera or without script nothing shows', async () => {
    const none = () => { delete window.BarcodeDetector; };
    const blind = () => {
      window.BarcodeDetector = class { static getSupportedFormats() { return Promise.resolve(['code_128']); } };
      navigator.mediaDevices.enumerateDevices = () => Promise.resolve([]);
    };
    for (const options of [{ ready: none }, { ready: blind }, { script: false }]) {
      const other = await openPage(house, options);
      await portalSignIn(other, house, 'anna', password);
      await other.goto(confirm);
      await other.locator('[name=serial]').waitFor();
      await other.waitForTimeout(200);
      assert.equal(await button(other).count(), 0);
      assert.equal(await other.locator('[data-camera]').isVisible(), false);
      await other.context().close();
    }
  });
  assert.deepEqual(house.faults, []);
});
