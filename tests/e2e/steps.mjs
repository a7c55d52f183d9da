// What people do on pages, and what their tokens show.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import jsQR from 'jsqr';
import { PNG } from 'pngjs';

/** The named parts of a walk, one after the other; the first that fails ends it. */
export function steps(t) {
  return async (name, part) => {
    let fault = null;
    await t.test(name, async () => {
      try {
        await part();
      } catch (error) {
        fault = error;
        throw error;
      }
    });
    if (fault) throw new Error(`the walk ends at: ${name}`);
  };
}

/** Presses the page's first button that goes on, and waits for the page that answers. */
export async function submit(page) {
  const answered = page.waitForEvent('load');
  await page.locator('main form .btn-primary').first().click();
  await answered;
}

/** Signs an operator in. */
export async function signIn(page, house, login) {
  await page.goto(`${house.address}/`);
  await page.fill('[name=login]', login);
  await page.fill('[name=password]', house.logins[login]);
  await submit(page);
  await page.waitForURL(/admin|station/);
}

/** Page 1 of the portal's sign-in. */
export async function portalBegin(page, house, login, alias = 'portal') {
  await page.goto(`${house.address}/selfservice/${alias}/portal`);
  await page.fill('[name=login]', login);
  await submit(page);
  await page.waitForURL(/verify/);
}

/** Pages 1 and 2. */
export async function portalSignIn(page, house, login, secret, alias = 'portal') {
  await portalBegin(page, house, login, alias);
  await page.fill('[name=secret]', secret);
  await submit(page);
}

/** Types each text into the field of this name and goes on. */
export async function send(page, fields) {
  for (const [name, text] of Object.entries(fields)) await page.fill(`[name=${name}]`, text);
  await submit(page);
}

/** Opens an action of the person's page. */
export async function choose(page, title) {
  await page.locator('.actions').getByRole('link', { name: title }).click();
}

/** Switches an action of the Self-Service tab on or off. */
export async function toggle(admin, title) {
  const answered = admin.waitForEvent('load');
  await admin.getByRole('switch', { name: title, exact: true }).click();
  await answered;
}

/** The value of a code at a moving factor. */
function truncated(key, factor, hash) {
  const message = Buffer.alloc(8);
  message.writeBigUInt64BE(BigInt(factor));
  const mac = createHmac(hash, key).update(message).digest();
  return mac.readUInt32BE(mac.at(-1) & 15) & 0x7fffffff;
}

/**
 * A stand-in token with a clock, computed apart from the service. `at` is what it shows so many steps from now. `next`
 * gives each code once, and begins one step ago: so three codes that each must be a later one need no waiting.
 */
export function clockToken(hex, { step = 30, digits = 6, hash = 'sha1', behind = 0 } = {}) {
  const key = Buffer.from(hex, 'hex');
  const present = () => Math.floor(Date.now() / 1000 / step) - behind;
  const code = (factor) => String(truncated(key, factor, hash) % 10 ** digits).padStart(digits, '0');
  let last = 0;
  return {
    at: (ahead = 0) => code(present() + ahead),
    next: () => {
      last = Math.max(last + 1, present() - 1);
      return code(last);
    },
  };
}

/** A stand-in token with a button: what it shows at its n-th press. */
export function pressToken(hex) {
  return (count) => String(truncated(Buffer.from(hex, 'hex'), count, 'sha1') % 1000000).padStart(6, '0');
}

export const hexOfBase32 = (text) => {
  const bits = [...text].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2))).toString('hex');
};

/** The app that scanned this text. */
export const app = (uri) => clockToken(hexOfBase32(new URL(uri).searchParams.get('secret')));

/** Reads the QR code from the picture of the page, as a camera would. */
export async function scan(page) {
  const picture = PNG.sync.read(await page.locator('.qr').first().screenshot());
  const found = jsQR(new Uint8ClampedArray(picture.data), picture.width, picture.height);
  assert.ok(found, 'the QR code can be read');
  return found.data;
}

/** The words that the person's page offers, in their order. */
export const offered = (page) => page.locator('.actions strong').allTextContents();
