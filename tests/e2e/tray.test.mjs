// Programming simulated devices at the station's tray, by keyboard and mouse, with script and without.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { openPage, run, startHouse } from './house.mjs';
import { look } from './look.mjs';
import { signIn, steps } from './steps.mjs';

for (const script of [true, false]) {
  test(`the tray, script ${script ? 'on' : 'off'}`, async (t) => {
    const house = await startHouse();
    t.after(house.stop);
    const step = steps(t);
    const seen = script ? look : async () => {};
    const page = await openPage(house, { script });
    await signIn(page, house, 'admin');
    const readers = () => page.locator('.reader');
    const reader = (at) => readers().nth(at);
    /** Waits until a reader is in a state; without script the page is asked again. */
    const until = async (at, state) => {
      if (script) return page.waitForSelector(`.reader:nth-child(${at + 1})[data-reader-state="${state}"]`);
      for (let tries = 0; tries < 200; tries += 1) {
        if ((await reader(at).getAttribute('data-reader-state')) === state) return null;
        await page.waitForTimeout(50);
        await page.goto(tray ?? `${house.address}/station/devices`);
      }
      throw new Error(`reader ${at} is not ${state}: ${await reader(at).textContent()}`);
    };
    /** Asks for the page again until it says something. */
    const comes = async (where, what) => {
      for (let tries = 0; tries < 200; tries += 1) {
        await page.goto(tray);
        if (what.test(await page.textContent(where))) return;
        await page.waitForTimeout(50);
      }
      assert.match(await page.textContent(where), what);
    };
    let tray = null;

    await step('what lies on the readers is said', async () => {
      await page.goto(`${house.address}/station`);
      await page.click('text=Readers and programming');
      await until(0, 'idle');
      await until(1, 'idle');
      assert.equal(await readers().count(), 4);
      assert.match(await reader(0).textContent(), /YubiKey, firmware 5\.7\.4.*Not in the store\..*OATH: 0 credentials\..*Slots: free, free\./s);
      assert.match(await reader(1).textContent(), /Token2 OTPC-P2.*Its clock: /s);
      await seen(page, 'station-devices');
    });

    await step('a run is refused at its field, and begun', async () => {
      await page.fill('[name=batch]', 'Keys of May');
      await page.fill('[name=count]', 'many');
      await page.click('button:has-text("Begin")');
      await page.waitForSelector('#count-error');
      // What a model cannot compute is not offered beside it, and refused where it is asked for all the same.
      await page.fill('[name=count]', '3');
      await page.selectOption('[name=target]', 'yubico-yubikey/oath');
      await page.selectOption('[name=codes]', 'totp/sha512/8/60');
      await page.selectOption('[name=target]', 'token2-otpc-p2/single_profile');
      if (script) {
        assert.equal(await page.inputValue('[name=codes]'), '');
        assert.equal(await page.locator('[name=codes] option[value="totp/sha512/8/60"]').isDisabled(), true);
      } else {
        await page.click('button:has-text("Begin")');
        await page.waitForSelector('.banner:has-text("cannot compute that")');
        assert.equal(await page.inputValue('[name=codes]'), 'totp/sha512/8/60', 'what was chosen stays');
      }
      await page.selectOption('[name=target]', 'yubico-yubikey/oath');
      await page.selectOption('[name=codes]', 'totp/sha256/8/60');
      await seen(page, 'station-run-codes');
      await page.click('button:has-text("Begin")');
      await page.waitForURL(/\/station\/runs\/1$/);
      tray = page.url();
      await until(0, 'done');
      await until(2, 'done');
      // The tokens with a display have no such place.
      await until(1, 'failed');
      assert.match(await page.textContent('.count-big'), /2\s+of 3/);
      assert.match(await page.textContent('main'), /Take out the green ones/);
      await seen(page, 'station-tray');
    });

    await step('the same one again is refused in words; the next one ends the run', async () => {
      await reader(0).locator('button:has-text("Take out")').click();
      await until(0, 'empty');
      await reader(0).locator('select').selectOption('0');
      await reader(0).locator('button:has-text("Put in")').click();
      await until(0, 'done');
      assert.match(await reader(0).textContent(), /is done: take it out and put in the next one/);
      await reader(0).locator('select').selectOption('4');
      await reader(0).locator('button:has-text("Put in")').click();
      await comes('.count-big', /3\s+of 3/);
      assert.match(await page.textContent('.page-head'), /Ended/);
      // What comes after the last one is looked at, here too.
      await reader(0).locator('select').selectOption('6');
      await reader(0).locator('button:has-text("Put in")').click();
      await until(0, 'idle');
      assert.match(await page.textContent('main'), /what is put in now is looked at only/);
      await seen(page, 'station-tray-over');
      const tokens = JSON.parse(run(house, ['--json', 'token', 'list', '--batch', 'Keys of May'])).items;
      assert.deepEqual(tokens.map((token) => [token.origin, token.kind, token.hash, token.digits, token.step, token.custody]), Array(3).fill(['programmed', 'totp', 'sha256', 8, 60, 'in_stock']));
    });

    await step('a display token: the code is read from it and typed', async () => {
      await page.goto(`${house.address}/station/devices`);
      await page.fill('[name=batch]', 'Cards');
      await page.fill('[name=count]', '2');
      await page.selectOption('[name=target]', 'token2-otpc-p2/single_profile');
      await page.click('button:has-text("Begin")');
      await page.waitForURL(/\/station\/runs\/2$/);
      tray = page.url();
      await until(1, 'wanted');
      await reader(1).locator('[name=otp]').fill('000000');
      await reader(1).locator('[name=otp]').press('Enter');
      await page.waitForSelector('text=That code did not fit');
      await reader(1).locator('button:has-text("Press its button")').click();
      const shown = (await page.textContent('.banner strong')).match(/\d{6}/)[0];
      await reader(1).locator('[name=otp]').fill(shown);
      await reader(1).locator('[name=otp]').press('Enter');
      await page.waitForSelector('.banner.is-good');
      await until(1, 'done');
      await seen(page, 'station-tray-code');
    });

    await step('the last one is undone: its token leaves the store and its device is wiped', async () => {
      await page.locator('.recent button:has-text("Undo")').first().click();
      await page.waitForSelector('.banner');
      await comes('main', /Wiped/);
      assert.match(await page.textContent('.count-big'), /0\s+of 2/);
      await page.click('text=End this run');
      await page.waitForSelector('.page-head:has-text("Ended")');
    });
    assert.deepEqual(house.faults, []);
  });
}

test('readers stay with the run that they were chosen for; a device that is destroyed is forgotten', async (t) => {
  const house = await startHouse();
  t.after(house.stop);
  const step = steps(t);
  const page = await openPage(house, { script: true });
  await signIn(page, house, 'admin');
  const devices = `${house.address}/station/devices`;
  const displays = 'token2-otpc-p2/single_profile';
  const begin = async (batch, target, leaveOut) => {
    await page.goto(devices);
    for (const name of leaveOut) await page.uncheck(`text=Use ${name}`);
    await page.fill('[name=batch]', batch);
    await page.fill('[name=count]', '5');
    await page.selectOption('[name=target]', target);
    await page.click('button:has-text("Begin")');
  };
  const reader = (at) => `Rehearsal reader ${at}`;

  await step('one run on one reader, another one on the rest, a third on the first again', async () => {
    await begin('Cards', displays, [reader(1), reader(3), reader(4)]);
    await page.waitForURL(/\/station\/runs\/1$/);
    await begin('Keys', 'yubico-yubikey/oath', []);
    await page.waitForURL(/\/station\/runs\/2$/);
    await page.goto(`${house.address}/station/runs/1`);
    await page.waitForSelector('[data-reader-state=wanted]');
    await page.click('button:has-text("End this run")');
    await page.waitForSelector('.page-head:has-text("Ended")');
    await begin('More cards', displays, []);
    await page.waitForURL(/\/station\/runs\/3$/);
    assert.equal(await page.locator('.reader').count(), 1, 'the one that was free');
  });

  await step('a device that broke is set aside, then said to be destroyed', async () => {
    await page.goto(`${house.address}/station/runs/1`);
    // What needs the device while it lies nowhere is said at the tray, where it can be put in.
    const card = page.locator('.reader').filter({ has: page.locator('[name=otp]') });
    await card.locator('button:has-text("Take out")').click();
    await page.waitForSelector('.item-row button:has-text("Write it again"), .recent button:has-text("Write it again")');
    await page.click('button:has-text("Write it again")');
    await page.waitForSelector('.banner:has-text("lies on no reader")');
    assert.match(page.url(), /\/station\/runs\/1\//);
    await page.goto(`${house.address}/station/runs/1`);
    await page.click('button:has-text("Set it aside")');
    await page.waitForSelector('.banner:has-text("Set aside")');
    await look(page, 'station-tray-aside');
    await page.click('button:has-text("It is destroyed")');
    await page.waitForSelector('.banner:has-text("Destroyed")');
    assert.doesNotMatch(await page.textContent('main'), /To be looked at/);
    await look(page, 'station-tray-destroyed');
  });
  assert.deepEqual(house.faults, []);
});
