// Pages off the main walk: those that go wrong, those of other roles, and the station without a mouse.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codes, importFile, openPage, run, startHouse, startRehearsal } from './house.mjs';
import { look } from './look.mjs';
import { signIn, submit } from './steps.mjs';

test('pages of the console, filled', async (t) => {
  const house = await startHouse();
  t.after(house.stop);
  importFile(house);
  run(house, ['batch', 'assign', 'vendor', '--resource', 'VPN']);
  const page = await openPage(house);
  await signIn(page, house, 'admin');

  // A plan with a conflict, a line that cannot be read, and one that is here already.
  const broken = join(house.data, 'broken.csv');
  writeFileSync(broken, [
    '87-1234501, 9b1c0f5f7a3e4c11d2f8a76b5e0c4d3a2b1f0e9d, totp, 6, 30',
    '99-0000001, 4e1b97a0c3d25f68b1a09e7c3d4f5b6a7c8d9e0f, totp, 6, 30',
    '99-0000002, 4e1b97a0c3d25f68b1a09e7c3d4f5b6a7c8d9e0, totp, 6, 30',
    '8.71235E+08, 5a2c87b1d4e36079c2b1af8d4e506c7b8d9eaf10, totp, 6, 30',
  ].join('\n'));
  await page.goto(`${house.address}/admin/import`);
  await page.setInputFiles('#file', broken);
  await submit(page);
  await page.waitForSelector('text=Lines that need your eyes');
  await look(page, 'console-import-problems');
  const plan = await page.textContent('main');
  for (const word of ['Conflict', 'Rejected', 'Import the good one']) assert.ok(plan.includes(word), word);
  assert.ok(!plan.includes('4e1b97a0'), 'a plan never shows a secret');

  for (const [path, name] of [
    ['/admin/batches', 'console-batches'], ['/admin/tokens', 'console-tokens'],
    ['/admin/tokens?q=87-12345', 'console-tokens-found'], ['/admin/tokens/87-1234501', 'console-token'],
    ['/admin/tokens/87-1234501/check', 'console-token-check'], ['/admin/tokens/87-1234501/resync', 'console-token-resync'],
    ['/admin/tokens/87-1234501/history', 'console-token-history'], ['/admin/resources', 'console-resources'],
    ['/admin/drift', 'console-clocks'],
    ['/admin/resources/VPN', 'console-resource'], ['/admin/resources/VPN/selfservice', 'console-selfservice'],
    ['/admin/resources/VPN/selfservice?see=anna', 'console-selfservice-see'],
    ['/admin/resources/VPN/users', 'console-resource-users'], ['/admin/resources/VPN/tokens', 'console-resource-tokens'],
    ['/admin/resources/VPN/pairs', 'console-resource-pairs'], ['/admin/resources/VPN/unconfirmed', 'console-resource-unconfirmed'],
    ['/admin/users', 'console-users'], ['/admin/users/anna', 'console-user'], ['/admin/audit', 'console-audit'],
    ['/admin/operators', 'console-operators'], ['/admin/keys', 'console-keys'], ['/station/person/anna', 'station-person'],
    ['/station/whose', 'station-whose'], ['/station/models', 'station-models'],
  ]) {
    const answer = await page.goto(`${house.address}${path}`);
    assert.equal(answer.status(), 200, path);
    await look(page, name);
  }

  // What goes wrong is said on a page of the same house.
  await page.goto(`${house.address}/admin/tokens/87-1234501/check`);
  await page.fill('[name=otp]', '１２３４５６');
  await submit(page);
  await page.waitForSelector('[aria-invalid=true]');
  await look(page, 'console-token-check-wrong');
  await page.goto(`${house.address}/admin/keys`);
  await page.fill('[name=name]', 'vpn gateway');
  await submit(page);
  await page.waitForSelector('text=shown this once');
  await look(page, 'console-key-created');
  await page.goto(`${house.address}/admin/audit`);
  await page.locator('button:has-text("Verify the chain")').click();
  await page.waitForSelector('.notice');
  await look(page, 'console-audit-verified');
  await page.goto(`${house.address}/station`);
  await page.fill('[name=find]', 'nobody of this name');
  await page.locator('button:has-text("Find")').click();
  await page.waitForSelector('.field-error');
  await look(page, 'station-nobody');
  house.faults.length = 0;

  for (const [path, name] of [['/admin/tokens/none-such', 'console-missing'], ['/selfservice/none-such/portal', 'portal-closed']]) {
    const answer = await page.goto(`${house.address}${path}`);
    assert.equal(answer.status(), 404, path);
    await look(page, name);
  }
});

test('token models of the data directory, and files that are not used', async (t) => {
  const own = ['name = "Card 7"', 'manufacturer = "Example"', 'picture = "card"', 'kind = "totp"', 'hash = ["sha256"]', 'digits = [8]',
    'step_secs = [60]', 'seed_bytes = { least = 32, most = 32 }', 'seed_is = "from the vendor"', 'source = "its box"', ''].join('\n');
  const house = await startRehearsal([], { 'example-card-7.toml': own, 'broken.toml': own.replace('digits', 'colour') });
  t.after(house.stop);
  const page = await openPage(house);
  await signIn(page, house, 'rosa');
  await page.goto(`${house.address}/station/devices`);
  await page.click('text=Token models');
  await page.waitForSelector('.notice li:text-matches("^broken\\.toml, line 6: ")');
  const card = page.locator('section', { has: page.locator('h2:text-is("Example Card 7")') });
  assert.match(await card.textContent(), /No chip.*From example-card-7\.toml of the data directory.*TOTP, SHA-256, 8 digits, 60 s.*32 bytes.*its box/s);
  await look(page, 'station-models-own');
  assert.deepEqual(house.faults, []);
});

test('the helpdesk sees what it may do', async (t) => {
  const house = await startHouse();
  t.after(house.stop);
  importFile(house);
  run(house, ['batch', 'assign', 'vendor', '--resource', 'VPN']);
  const page = await openPage(house);
  await signIn(page, house, 'helpdesk');
  for (const [path, name] of [
    ['/station/token/87-1234501', 'helpdesk-token'], ['/admin/tokens/87-1234501', 'helpdesk-console-token'],
    ['/admin/resources/VPN/selfservice', 'helpdesk-selfservice'], ['/admin/users/anna', 'helpdesk-user'],
  ]) {
    await page.goto(`${house.address}${path}`);
    await look(page, name);
  }
  assert.deepEqual(house.faults, []);
});

test('the station needs no mouse', async (t) => {
  const house = await startHouse();
  t.after(house.stop);
  importFile(house);
  run(house, ['batch', 'assign', 'vendor', '--resource', 'VPN']);
  const page = await openPage(house);
  await page.goto(`${house.address}/`);
  const focused = () => page.evaluate(() => document.activeElement.name);
  // The browser gives the focus with its first frame, which may come after the load.
  const atField = (name) => page.waitForFunction((name) => document.activeElement.name === name, name, { timeout: 5000 });
  await atField('login');
  await page.keyboard.type('helpdesk');
  await page.keyboard.press('Tab');
  await page.keyboard.type(house.logins.helpdesk);
  await page.keyboard.press('Enter');
  await page.waitForURL(/station/);
  await atField('find');
  // A scanner types the serial and Enter; codes follow with Enter between them.
  await page.keyboard.type('871234503\n');
  await page.waitForURL(/station\/token/);
  await atField('otp1');
  const outline = await page.evaluate(() => parseFloat(getComputedStyle(document.activeElement).outlineWidth));
  assert.ok(outline >= 3, `the focus can be seen: ${outline} px`);
  const [first, second] = codes(house.vendorFile, '87-1234503', [...house.opened, '--count', '2']);
  await page.keyboard.type(`${first}\n`);
  assert.equal(await focused(), 'otp2');
  await page.keyboard.type(`${second}\n`);
  await page.waitForSelector('.banner:has-text("Synchronised")');
  // The field is free for the next person.
  await atField('find');
  assert.deepEqual(house.faults, []);
});

test('the picture of a clock, on the pages of console and station', async (t) => {
  const house = await startHouse();
  t.after(house.stop);
  importFile(house);
  run(house, ['batch', 'assign', 'vendor', '--resource', 'VPN']);
  const shown = codes(house.vendorFile, '87-1234501', [...house.opened, '--drift', '-7200', '--count', '2']);
  run(house, ['token', 'resync', '87-1234501', ...shown.slice(0, 2)]);
  const page = await openPage(house);
  await signIn(page, house, 'admin');
  for (const [path, name] of [
    ['/admin/tokens/87-1234501', 'console-token-clock'], ['/station/token/87-1234501', 'station-token-clock'],
    ['/admin/drift', 'console-clocks-known'],
  ]) {
    await page.goto(`${house.address}${path}`);
    await page.locator('.chart summary').first().click();
    assert.ok(await page.locator('.chart table').first().isVisible(), path);
    await look(page, name);
  }
  assert.match(await page.textContent('main'), /1 known, 0 with a rate/);
});

test('codes of the neighbour are explained at the station and in the console', async (t) => {
  const house = await startHouse();
  t.after(house.stop);
  importFile(house);
  run(house, ['batch', 'assign', 'vendor', '--resource', 'VPN']);
  const page = await openPage(house);
  await signIn(page, house, 'admin');
  for (const [path, name] of [
    ['/station/token/87-1234501', 'station-explained'], ['/admin/tokens/87-1234501/resync', 'console-explained'],
  ]) {
    const shown = codes(house.vendorFile, '87-1234502', [...house.opened, '--count', '2']);
    await page.goto(`${house.address}${path}`);
    for (const [index, code] of shown.entries()) await page.fill(`[name=otp${index + 1}]`, code);
    await page.locator('form[action$="/resync"] button').first().click();
    await page.waitForSelector('text=These codes are from another token');
    await page.waitForSelector('text=87-1234502 shows them');
    await look(page, name);
  }
  assert.deepEqual(house.faults, []);
});
