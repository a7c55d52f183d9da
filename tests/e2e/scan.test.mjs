// Scanners in serial mode, scanners that type, and devices laid on a reader: each fills the page that is in front, once.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPage, run, startHouse, startRehearsal } from './house.mjs';
import { look } from './look.mjs';
import { signIn, steps } from './steps.mjs';

const PTY = `
import os, pty, sys, tty
scanner, end = pty.openpty()
tty.setraw(scanner)
tty.setraw(end)
os.symlink(os.ttyname(end), sys.argv[1])
os.close(end)
print('plugged in', flush=True)
for line in sys.stdin:
    os.write(scanner, bytes.fromhex(line))
os.unlink(sys.argv[1])
`;

/** A scanner at the end of a pseudo terminal, which this name leads to. */
async function plugIn(path) {
  const child = spawn('python3', ['-c', PTY, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  await new Promise((done) => child.stdout.once('data', done));
  return {
    scan: (text) => child.stdin.write(`${Buffer.from(text, 'latin1').toString('hex')}\n`),
    unplug: () => new Promise((done) => { child.once('exit', done); child.stdin.end(); }),
  };
}

const seed = (n) => String(n).padStart(40, '5a');

test('scanners and chips', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'mintmark-scan-'));
  const port = join(dir, 'Desk');
  let scanner = await plugIn(port);
  const house = await startRehearsal(['--scanner', port]);
  t.after(house.stop);
  t.after(async () => {
    await scanner.unplug();
    rmSync(dir, { recursive: true, force: true });
  });
  const step = steps(t);
  const page = await openPage(house);
  await signIn(page, house, 'rosa');
  const lines = [1, 2, 3, 4].map((n) => `60-000000${n},${seed(n)},totp\n`);
  run(house, ['import', house.file('tokens.csv', lines.join('')), '--batch', 'box']);
  const line = () => page.locator('[data-scanner]');
  // Nobody scans as fast as a page loads, but a walk does.
  const listening = (one = page) => one.waitForSelector('[data-scans-listening]', { state: 'attached' });
  const start = async () => {
    await page.goto(`${house.address}/station`);
    await page.waitForFunction(() => /: connected/.test(document.querySelector('[data-scanner]').textContent));
    await listening();
  };

  await step('the station says that the scanner is there', async () => {
    await start();
    assert.match(await line().textContent(), /Scanner Desk: connected\./);
    assert.equal(await page.inputValue('[data-scans-choice]'), 'all', 'one scanner, and a browser of this machine');
    await look(page, 'station-scanner');
  });

  await step('a scan opens the page of its token', async () => {
    await listening();
    scanner.scan('60-0000001\r\n');
    await page.waitForURL(/\/station\/token\/60-0000001$/);
  });

  await step('a GS1 label does, too, from the page of a token', async () => {
    await listening();
    scanner.scan(']C101040123456789012160-0000002\x1d10A\r');
    await page.waitForURL(/\/station\/token\/60-0000002$/);
  });

  await step('the label of a box shows which of its tokens are here', async () => {
    await listening();
    scanner.scan('60-0000001-60-0000100\n');
    await page.waitForSelector('#label-head');
    assert.match(await page.textContent('#label-head'), /Box 60-0000001 to 60-0000100/);
    assert.match(await page.textContent('.count-big'), /4 tokens of it are here/);
    await look(page, 'station-box');
    await listening();
    scanner.scan('60-0000001\r60-0000009\r');
    await page.waitForFunction(() => /Label with 2/.test(document.body.textContent));
    assert.match(await page.textContent('main'), /Not here: 60-0000009\./);
  });

  await step('what is no token is said; a seed is not shown', async () => {
    await listening();
    scanner.scan('60-0000077\r');
    await page.waitForSelector('#find-error');
    assert.match(await page.textContent('#find-error'), /No token here has the number 60-0000077/);
    await listening();
    scanner.scan('otpauth://totp/x?secret=JBSWY3DPEHPK3PXP\r');
    await page.waitForFunction(() => /holds the secret/.test(document.querySelector('[data-scans-refused]')?.textContent));
    assert.doesNotMatch(await page.content(), /JBSWY3DP/);
    await look(page, 'station-scan-refused');
  });

  await step('one page acts, and only where somebody chose this scanner', async () => {
    const other = await page.context().newPage();
    await other.goto(`${house.address}/station`);
    await start();
    await listening(other);
    await listening();
    scanner.scan('60-0000003\r');
    await Promise.race([page, other].map((one) => one.waitForURL(/60-0000003$/)));
    await page.waitForTimeout(700);
    const acted = [page, other].filter((one) => /60-0000003$/.test(one.url()));
    assert.equal(acted.length, 1);
    await other.close();
    await start();
    await page.selectOption('[data-scans-choice]', '');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'find', 'the field has the focus again');
    await listening();
    scanner.scan('60-0000001\r');
    await page.waitForTimeout(700);
    assert.match(page.url(), /\/station$/);
    await page.reload();
    assert.equal(await page.inputValue('[data-scans-choice]'), '', 'this browser remembers it');
    await page.selectOption('[data-scans-choice]', 'scanner:Desk');
    await start();
    await listening();
    scanner.scan('60-0000001\r');
    await page.waitForURL(/60-0000001$/);
    await page.selectOption('[data-scans-choice]', 'all');
  });

  await step('a scanner that is unplugged and comes again', async () => {
    await page.goto(`${house.address}/station`);
    await scanner.unplug();
    await page.waitForFunction(() => /Scanner Desk: absent\..*plug the scanner in/i.test(document.querySelector('[data-scanner]').textContent));
    await look(page, 'station-scanner-absent');
    scanner = await plugIn(port);
    await start();
    await listening();
    scanner.scan('60-0000002\r');
    await page.waitForURL(/60-0000002$/);
  });

  await step('a scanner that types is read where nothing has the focus', async () => {
    await page.goto(`${house.address}/station`);
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.type('S/N: 60-0000003', { delay: 5 });
    await page.keyboard.press('Enter');
    await page.waitForURL(/60-0000003$/);
    await page.goto(`${house.address}/station`);
    await page.focus('[data-mute]');
    await page.keyboard.type(']C12160-0000004', { delay: 5 });
    await page.keyboard.press('Control+]');
    await page.keyboard.type('10A', { delay: 5 });
    await page.keyboard.press('Enter');
    await page.waitForURL(/60-0000004$/);
  });

  await step('a device that is laid on a reader', async () => {
    const devices = JSON.parse(run(house, ['--json', 'device', 'list'])).items;
    const key = devices[0].serial;
    const hand = await openPage(house);
    await signIn(hand, house, 'rosa');
    await hand.goto(`${house.address}/station/devices`);
    const put = async () => {
      await hand.locator('.reader').nth(0).locator('button:has-text("Put in")').click();
      await hand.waitForLoadState('load');
    };
    await start();
    await put();
    await page.waitForSelector('.banner');
    assert.match(await page.textContent('.banner'), new RegExp(`No token here has the number ${key}.*YubiKey.*Rehearsal reader 1`, 's'));
    await look(page, 'station-chip-unknown');
    run(house, ['import', house.file('key.csv', `${key},${seed(9)},totp\n`), '--batch', 'keys']);
    run(house, ['user', 'add', 'otto']);
    await page.goto(`${house.address}/station/person/otto`);
    await listening();
    await put();
    await page.waitForURL(/\/station\/token\/\d+\?for=otto$/);
    assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), 'Hand out to otto');
    await look(page, 'station-hand-out');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.banner');
    assert.match(await page.textContent('.banner'), /otto/);
  });

  assert.deepEqual(house.faults, []);
});

test('without script what a scanner types is read', async (t) => {
  const house = await startHouse();
  t.after(house.stop);
  const page = await openPage(house, { script: false });
  await signIn(page, house, 'admin');
  run(house, ['import', house.file('tokens.csv', `60-0000001,${seed(1)},totp\n`), '--batch', 'box']);
  await page.goto(`${house.address}/station`);
  assert.equal(await page.locator('[data-scanner]').count(), 0, 'no scanner is set');
  await page.fill('#find', 'S/N: 60-0000001');
  await page.press('#find', 'Enter');
  await page.waitForURL(/60-0000001$/);
});
