// Every state of the portal's pages, looked at once.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { startMailHouse } from './house.mjs';
import { look } from './look.mjs';
import { furnish, visit } from './states.mjs';

test('pages of the portal', async (t) => {
  const house = await startMailHouse();
  t.after(house.stop);
  furnish(house);
  const headings = [];
  await visit(house, async (page, name) => {
    await look(page, `portal-${name}`);
    headings.push(`${name}: ${await page.locator('main h1, main h2').first().innerText()}`);
  });
  // A state that was not reached shows the page before it, or the way back.
  for (const one of ['verify: One more step', 'restore-sent: Your request has a number', 'draft-mail: Register New Token', 'email-code: Change Email Address',
    'otp: The code on your token', 'home-token: Hello', 'prove-code: Is it still you?', 'unassign: Give back', 'pin-done: Your token has a PIN now', 'pin-remove: Remove the PIN?']) {
    assert.ok(headings.some((heading) => heading.startsWith(one)), `${one}\n${headings.join('\n')}`);
  }
  assert.deepEqual(house.faults, []);
});
