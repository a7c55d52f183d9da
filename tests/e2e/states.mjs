// The states of the portal's pages, in an order in which one session after the other comes by all of them. Found by
// addresses and names of fields alone, so the same list serves every language.
import { clockToken, send, submit } from './steps.mjs';
import { openPage, run } from './house.mjs';

const password = 'drei Birnen im Korb';
const next = 'vier Quitten im Netz';
const actions = ['register_new_token', 'register_existing_token', 'reassign_token', 'unassign_token', 'synchronize_token',
  'setup_pin', 'remove_pin', 'create_password', 'change_password', 'change_email', 'change_phone', 'change_login',
  'change_name', 'manage_environment'];

/** A portal that offers everything, once in a house. */
export function furnish(house) {
  run(house, ['resource', 'add', 'VPN']);
  run(house, ['resource', 'portal', 'VPN', '--alias', 'portal', '--actions', actions.join(),
    '--token-types', 'software,hardware,universal,mail']);
}

const press = async (page, selector) => {
  const answered = page.waitForEvent('load');
  await page.locator(selector).first().click();
  await answered;
};

/** Somebody who is not signed in. */
const outside = [
  ['login', ({ page, at }) => page.goto(at('portal'))],
  ['verify', ({ page, anna }) => send(page, { login: anna })],
  ['verify-wrong', ({ page }) => send(page, { secret: 'not the password' })],
  ['restore', ({ page, at }) => page.goto(at('restore'))],
  ['restore-none', ({ page }) => submit(page)],
  ['restore-proof', async ({ page }) => { await page.check('[name=token]'); await submit(page); }],
  ['restore-proof-wrong', ({ page }) => send(page, { code: '00000000' })],
  ['restore-password', async ({ page }) => {
    await press(page, 'form:has([name=step][value=again]) button');
    for (const lost of ['token', 'password', 'email']) await page.check(`[name=${lost}]`);
    await submit(page);
  }],
  ['restore-password-wrong', ({ page }) => send(page, { new: next, again: `${next}, too` })],
  ['restore-email', ({ page }) => send(page, { new: next, again: next })],
  ['restore-send', ({ page }) => send(page, { email: 'new@example.net' })],
  ['restore-sent', ({ page }) => submit(page)],
  ['closed', ({ page, house }) => page.goto(`${house.address}/selfservice/none-such/portal`)],
];

/** Somebody with a password and an e-mail address, without a token. */
const withoutToken = [
  ['home-actions', async ({ page, at, anna }) => {
    await page.goto(at('portal'));
    await send(page, { login: anna });
    await send(page, { secret: password });
  }],
  ['register', ({ page, at }) => page.goto(at('tokens/register'))],
  ['register-hardware', ({ page, at }) => page.goto(at('tokens/register?type=hardware'))],
  ['register-universal', ({ page, at }) => page.goto(at('tokens/register?type=universal'))],
  ['register-mail', ({ page, at }) => page.goto(at('tokens/register?type=mail'))],
  ['draft-mail', ({ page }) => submit(page)],
  ['draft', async ({ page, at }) => {
    await press(page, 'form[action$="draft/drop"] button');
    await page.goto(at('tokens/register'));
    await submit(page);
  }],
  ['draft-wrong', ({ page }) => send(page, { otp1: '000000' })],
  ['confirm', ({ page, at }) => page.goto(at('tokens/confirm'))],
  ['confirm-wrong', ({ page }) => send(page, { serial: '87-1234599', otp1: '123456', otp2: '654321' })],
  ['confirm-letters', ({ page, at }) => page.goto(at('tokens/confirm?letters'))],
  ['confirm-unread', ({ page, at }) => page.goto(at('tokens/confirm?unread'))],
  ['confirm-unread-wrong', ({ page }) => send(page, { otp1: '123456', otp2: '654321' })],
  ['name', ({ page, at }) => page.goto(at('name'))],
  ['phone-wrong', async ({ page, at }) => { await page.goto(at('phone')); await send(page, { phone: '030 1234' }); }],
  ['password-wrong', async ({ page, at }) => {
    await page.goto(at('password'));
    await send(page, { old: 'not the old one', new: next, again: next });
  }],
  ['prove-password', ({ page, at }) => page.goto(at('prove?then=login'))],
  ['email', async ({ page, at }) => { await send(page, { proof: password }); await page.goto(at('email')); }],
  ['email-code', ({ page }) => send(page, { email: 'new@example.net' })],
  ['environment', ({ page, at }) => page.goto(at('environment'))],
];

/** Somebody with a token. */
const withToken = [
  ['otp', async ({ page, at, tess }) => {
    await page.goto(at('portal'));
    await send(page, { login: tess });
    await send(page, { secret: password });
  }],
  ['otp-synchronize', ({ page }) => send(page, { otp: '000000' })],
  ['home-token', ({ page, token }) => send(page, { otp: token.next() })],
  ['synchronize', ({ page, at }) => page.goto(at('tokens/synchronize'))],
  ['prove-code', ({ page, at }) => page.goto(at('prove?then=unassign'))],
  ['unassign', ({ page, token }) => send(page, { otp: token.next() })],
  ['reassign', ({ page, at }) => page.goto(at('tokens/reassign'))],
  ['pin', ({ page, at }) => page.goto(at('tokens/pin'))],
  ['pin-easy', ({ page }) => send(page, { pin: '1234', again: '1234' })],
  ['pin-done', ({ page }) => send(page, { pin: '2580', again: '2580' })],
  ['pin-remove', ({ page, at }) => page.goto(at('tokens/pin/remove'))],
];

/**
 * Comes by all states with users of its own, so one house serves many languages one after the other; `see(page, name)`
 * looks at each.
 */
export async function visit(house, see, { locale = 'en-GB' } = {}) {
  const tag = locale.toLowerCase();
  const [anna, tess] = [`anna.${tag}`, `tess.${tag}`];
  for (const login of [anna, tess]) house.user(login, { password, email: `${login}@example.org` });
  // A key that differs in each language, and stands in no manual.
  const seed = Buffer.from(`states of ${tag}`.padEnd(20, '.')).toString('hex');
  run(house, ['import', house.file(`${tag}.csv`, `S-${tag},${seed},totp\n`), '--batch', `states-${tag}`]);
  run(house, ['resource', 'assign', 'VPN', '--token', `S-${tag}`, '--user', tess, '--kind', 'token_with_user']);
  for (const states of [outside, withoutToken, withToken]) {
    const page = await openPage(house, { locale });
    const scene = { page, house, anna, tess, token: clockToken(seed), at: (path) => `${house.address}/selfservice/portal/${path}` };
    for (const [name, go] of states) {
      await go(scene);
      await see(page, name);
    }
    await page.context().close();
  }
}
