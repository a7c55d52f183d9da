// P12: an admin imports a list of users: the form, a plan with faults, done. Once with scripts, once without.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { importFile, openPage, startHouse } from './house.mjs';
import { look } from './look.mjs';
import { signIn, submit } from './steps.mjs';

test('users from a list', async (t) => {
  const house = await startHouse();
  t.after(house.stop);
  importFile(house);
  for (const script of [true, false]) {
    const who = script ? 'nora' : 'nils';
    const page = await openPage(house, { script });
    await signIn(page, house, 'admin');
    await page.goto(`${house.address}/admin/users`);
    await page.locator('a:has-text("Import a list")').click();
    await page.waitForSelector('text=What the file looks like');
    if (script) await look(page, 'console-user-import');

    const wrong = join(house.data, 'wrong.csv');
    writeFileSync(wrong, 'login;password\nanna;x\n');
    await page.setInputFiles('#file', wrong);
    await submit(page);
    await page.waitForSelector('text=looks like a password');
    if (script) await look(page, 'console-user-import-wrong');

    const list = join(house.data, 'people.csv');
    writeFileSync(list, [
      'login;e-mail;phone;first name;last name;resource;token', '',
      `${who};${who}@example.org;+49 30 1234567;"N ""<&>"" 'x'";Berg;VPN;87-123450${script ? 1 : 2}`,
      'anna;anna.other@example.org;;;;VPN;', 'olga;no address;;;;;',
    ].join('\r\n'));
    await page.setInputFiles('#file', list);
    await submit(page);
    await page.waitForSelector('text=Lines that need your eyes');
    const plan = await page.textContent('main');
    for (const word of ['1 new, 1 in conflict, 1 rejected', 'Line 5, column 2', 'Import the good one']) assert.ok(plan.includes(word), word);
    if (script) await look(page, 'console-user-import-plan');
    await page.locator('button:has-text("Plan again")').click();
    await page.waitForSelector('text=/(leaves the e-mail empty|keeps the e-mail on record)/');
    await submit(page);
    await page.waitForSelector('text=1 user is here.');
    if (script) await look(page, 'console-user-import-done');

    await page.goto(`${house.address}/admin/users/${who}`);
    const user = await page.textContent('main');
    assert.ok(user.includes(`87-123450${script ? 1 : 2}`), user);
    assert.equal(await page.inputValue('[name=first_name]'), `N "<&>" 'x'`);
    await page.goto(`${house.address}/admin/users`);
    if (script) await look(page, 'console-users-import-link');
  }
  assert.deepEqual(house.faults, []);
});
