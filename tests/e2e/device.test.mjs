// One device on a reader: what it is, what is on it, whose it is, and its clock, with script and without.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { openPage, run, startHouse } from './house.mjs';
import { look } from './look.mjs';
import { signIn, steps } from './steps.mjs';

const secret = '31323334353637383930313233343536373839d1';

for (const script of [true, false]) {
  test(`one device, script ${script ? 'on' : 'off'}`, async (t) => {
    const house = await startHouse();
    t.after(house.stop);
    const step = steps(t);
    const seen = script ? look : async () => {};
    const page = await openPage(house, { script });
    await signIn(page, house, 'admin');
    const devices = `${house.address}/station/devices`;
    /** Asks for the page again until it says something. */
    const comes = async (what) => {
      for (let tries = 0; tries < 200; tries += 1) {
        if (what.test(await page.textContent('main'))) return;
        await page.waitForTimeout(50);
        await page.goto(page.url().replace(/\/(clock|attest)$/, ''));
      }
      assert.match(await page.textContent('main'), what);
    };
    /** Puts one of the tokens with an old clock into the last reader. */
    const put = async (nth) => {
      await page.goto(`${devices}/Rehearsal%20reader%204`);
      const label = await page.locator('.drawer option:has-text("C302")').nth(nth).textContent();
      await page.selectOption('.drawer select', { label });
      await page.click('button:has-text("Put in")');
      const serial = label.match(/\d{14}/)[0];
      await page.goto(`${devices}/Rehearsal%20reader%204`);
      await comes(new RegExp(`Serial number\\s*${serial}`));
      return serial;
    };
    let serial = null;

    await step('a key: model, interfaces, what its firmware does otherwise, what is on it', async () => {
      await page.goto(devices);
      await comes(/YubiKey, firmware/);
      await page.click('.reader h3 a >> nth=0');
      await page.waitForURL(/\/station\/devices\/Rehearsal%20reader%201$/);
      const text = await page.textContent('main');
      assert.match(text, /Yubico YubiKey, firmware 5\.7\.4/);
      assert.match(text, /On over USB.*OTP, OATH, PIV/s);
      assert.match(text, /None is on record for this device\./);
      assert.match(text, /A new key shows nothing over NFC/);
      assert.match(text, /Slot 1 \(short touch\).*Free/s);
      await seen(page, 'station-device-key');
    });

    await step('a key says that it is genuine, and proves it', async () => {
      await page.click('button:has-text("Read what it states")');
      await page.waitForURL(/\/attest$/);
      let said = await page.textContent('.banner');
      assert.match(said, /Not proved.*states nothing of itself.*let it generate a key as a proof\. It says: serial number \d+, firmware 5\.7\.4\./s);
      await seen(page, 'station-device-not-proved');
      await page.click('button:has-text("Let it prove it")');
      await page.waitForSelector('.banner.is-good');
      said = await page.textContent('.banner');
      assert.match(said, /Genuine.*signed with a key that it generated just now/s);
      await seen(page, 'station-device-genuine');
    });

    await step('a wrong management key is said at its field, and is not shown again', async () => {
      await page.click('summary:has-text("Another slot")');
      await page.selectOption('[name=slot]', '82');
      for (const [key, what] of [
        ['zz', /it is wrong at sign 1/],
        ['0102', /2 were given/],
        ['ff'.repeat(24), /does not take this management key/],
      ]) {
        await page.fill('[name=management_key]', key);
        await page.click('button:has-text("Let it prove it")');
        const problem = page.locator('.field-error').filter({ hasText: what });
        await problem.waitFor();
        assert.equal(await page.inputValue('[name=management_key]'), '');
        assert.equal(await page.inputValue('[name=slot]'), '82');
      }
      await seen(page, 'station-device-key-wrong');
      await page.click('button:has-text("Let it prove it")');
      await page.waitForSelector('.banner.is-good');
    });

    await step('a token that is not ours', async () => {
      serial = await put(0);
      const text = await page.textContent('main');
      assert.equal(await page.locator('button:has-text("Read what it states")').count(), 0, 'it can prove nothing');
      assert.match(text, /It shows\s*4 min( 1 s)? slow/);
      assert.match(text, /Its token is not in the store/);
      assert.equal(await page.locator('button:has-text("Set its clock")').count(), 0);
    });

    await step('in the cupboard its clock is off, and is set by one press', async () => {
      run(house, ['import', house.file('old.csv', `${serial},${secret},totp\n`), '--batch', 'old']);
      await page.reload();
      const text = await page.textContent('main');
      assert.match(text, /Off/);
      assert.match(text, /The server expects\s*right/);
      assert.equal(text.split('Batch old.').length, 2, 'one token, once');
      await seen(page, 'station-device-clock');
      await page.click('button:has-text("Set its clock")');
      await comes(/It was 4 min( 1 s)? slow, and is right now\./);
      assert.match(await page.textContent('main'), /Nothing is to be done\./);
      const token = JSON.parse(run(house, ['--json', 'token', 'show', serial]));
      assert.equal(token.drift.seconds, 0);
      await seen(page, 'station-device-set');
    });

    await step('with somebody: whoever stands at the desk lets the server follow it', async () => {
      serial = await put(1);
      run(house, ['import', house.file('older.csv', `${serial},${secret.replace('d1', 'd2')},totp\n`), '--batch', 'older']);
      run(house, ['token', 'custody', serial, 'handed_out', '--user', 'anna']);
      const password = 'drei Birnen im Korb';
      run(house, ['operator', 'add', 'desk', '--role', 'station', '--password-file', house.file('desk', password)]);
      const desk = await openPage(house, { script });
      await signIn(desk, { ...house, logins: { desk: password } }, 'desk');
      await desk.goto(`${devices}/Rehearsal%20reader%204`);
      assert.match(await desk.textContent('main'), /With anna\..*setting it takes an admin and a reason|setting it takes an admin and a reason.*With anna\./s);
      assert.equal(await desk.locator('button:has-text("Set its clock")').count(), 0);
      assert.equal(await desk.locator('a:has-text("Let the server follow it")').count(), 1);
      await seen(desk, 'station-device-bound');
    });

    await step('an admin is asked for a reason, at its field', async () => {
      await page.reload();
      assert.match(await page.textContent('main'), /With anna\..*It shows\s*(20 min|19 min 59 s) fast|It shows\s*(20 min|19 min 59 s) fast.*With anna\./s);
      await page.click('button:has-text("Set its clock")');
      await page.waitForSelector(`[id="${serial}-reason-error"]`);
      await seen(page, 'station-device-reason');
      await page.fill('[name=reason]', 'It fell, and anna stands here');
      await page.click('button:has-text("Set its clock")');
      await comes(/It was (?:20 min|19 min 59 s) fast, and is right now\. Codes that it showed before pass no more: its next one is good in (19|20|21) min/);
    });

    await step('what is not there is said', async () => {
      assert.equal((await page.goto(`${devices}/Lectern`)).status(), 404);
      assert.match(await page.textContent('main'), /There is no such reader now/);
    });
    assert.deepEqual(house.faults, []);
  });
}
