// A batch of tokens with a display, programmed on two readers without a mouse: each code is read and typed.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { openPage, run, startHouse } from './house.mjs';
import { signIn, steps } from './steps.mjs';

test('a batch without a mouse', async (t) => {
  const house = await startHouse();
  t.after(house.stop);
  const step = steps(t);
  const page = await openPage(house, { script: true });
  await signIn(page, house, 'admin');
  await page.addInitScript(() => addEventListener('mousedown', () => sessionStorage.setItem('mouse', 'used'), true));
  await page.goto(`${house.address}/station`);
  const keys = page.keyboard;
  /** Goes on with the Tab key until the focus is there. */
  const tabTo = async (selector, label = '') => {
    for (let presses = 0; presses < 200; presses += 1) {
      const there = await page.evaluate(([what, text]) => {
        const at = document.activeElement;
        return at.matches(what) && at.textContent.includes(text);
      }, [selector, label]);
      if (there) return;
      await keys.press('Tab');
    }
    throw new Error(`the Tab key does not lead to ${selector} ${label}`);
  };
  /** A key that leads to another page. */
  const leads = async (key) => {
    const answered = page.waitForEvent('load');
    await keys.press(key);
    await answered;
  };
  const choose = async (value) => {
    for (let presses = 0; presses < 60; presses += 1) {
      if (await page.evaluate(() => document.activeElement.value) === value) return;
      await keys.press('ArrowDown');
    }
    throw new Error(`the arrows do not lead to ${value}`);
  };
  const card = (at) => `.reader:nth-child(${at})`;
  const displays = [2, 4];

  await step('a run is begun', async () => {
    await tabTo('a', 'Readers and programming');
    await leads('Enter');
    await tabTo('[name=target]');
    await keys.press('Home');
    await choose('token2-otpc-p2/single_profile');
    await tabTo('[name=codes]');
    await choose('totp/sha256/6/60');
    await tabTo('[name=batch]');
    await keys.type('Cards of May');
    await tabTo('[name=count]');
    await keys.type('8');
    await leads('Enter');
    assert.match(page.url(), /\/station\/runs\/1$/);
  });

  await step('each code goes into the field that has the focus; the next token is put in', async () => {
    const put = new Set();
    for (let done = 0; done < 8; done += 1) {
      // The field of the first that waits for its code has the focus by itself.
      await page.waitForSelector('[data-tray-focus]');
      const at = await page.evaluate(() =>
        [...document.querySelectorAll('.reader')].findIndex((one) => one.querySelector('[data-tray-focus]')) + 1);
      assert.ok(displays.includes(at), `reader ${at} waits for a code`);
      // A hand presses its button; the page says what it shows.
      await tabTo(`${card(at)} button[value=press]`);
      await leads('Enter');
      const shown = (await page.textContent('.banner strong')).match(/\d{6}/)[0];
      // The other token may wait meanwhile, and be the first.
      await tabTo(`${card(at)} [name=otp]`);
      await keys.type(shown);
      await leads('Enter');
      await page.waitForSelector('.banner.is-good');
      // A hand takes it out and puts in the next one.
      const options = await page.locator(`${card(at)} .drawer option`).evaluateAll((all) =>
        all.map((option) => ({ value: option.value, label: option.textContent })));
      const inside = await page.locator('.drawer select').evaluateAll((all) => all.map((one) => one.value));
      inside.forEach((value) => put.add(value));
      const next = options.find((option) => option.label.includes('OTPC-P2') && !put.has(option.value));
      if (!next) continue;
      put.add(next.value);
      await tabTo(`${card(at)} .drawer select`);
      await keys.press('Home');
      await choose(next.value);
      await tabTo(`${card(at)} button[value=put]`);
      await leads('Enter');
    }
    await page.waitForSelector('.page-head:has-text("Ended")');
    assert.match(await page.textContent('.count-big'), /8\s+of 8/);
    const tokens = JSON.parse(run(house, ['--json', 'token', 'list', '--batch', 'Cards of May'])).items;
    assert.deepEqual(tokens.map((token) => [token.hash, token.step, token.origin]), Array(8).fill(['sha256', 60, 'programmed']));
    assert.equal(await page.evaluate(() => sessionStorage.getItem('mouse')), null, 'no mouse was used');
  });
  assert.deepEqual(house.faults, []);
});
