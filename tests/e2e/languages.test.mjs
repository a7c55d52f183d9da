// The portal in all its languages: every page with axe in both widths and colour schemes; who chooses, and what follows it.
import test from 'node:test';
import assert from 'node:assert/strict';
import { openPage, run, startMailHouse } from './house.mjs';
import { look } from './look.mjs';
import { furnish, visit } from './states.mjs';
import { portalSignIn, send, steps } from './steps.mjs';

const languages = { en: 'English', de: 'Deutsch', uk: 'Українська', fr: 'Français', es: 'Español' };
const password = 'drei Birnen im Korb';
// Widths and schemes do not depend on the language: on a phone here, all of them with MINTMARK_AXE=all.
const widths = process.env.MINTMARK_AXE === 'all' ? [1280, 360] : [360];

test('the portal in five languages', async (t) => {
  const house = await startMailHouse();
  t.after(house.stop);
  const step = steps(t);
  const base = `${house.address}/selfservice/portal`;
  furnish(house);
  house.user('carla', { password, email: 'carla@example.org' });

  await step('the browser decides, the visitor can choose otherwise, and the choice stays', async () => {
    const guest = await openPage(house, { locale: 'de-AT' });
    await guest.goto(`${base}/portal`);
    assert.equal(await guest.getAttribute('html', 'lang'), 'de');
    await guest.getByRole('button', { name: 'Français' }).click();
    await guest.waitForSelector('html[lang=fr]');
    await guest.reload();
    assert.equal(await guest.getAttribute('html', 'lang'), 'fr');
    assert.equal(await guest.locator('.languages [aria-current]').textContent(), 'Français');
    await guest.context().close();
  });

  await step('who is signed in keeps the choice on record: mails follow it, and browsers that speak none of the five', async () => {
    const carla = await openPage(house);
    await portalSignIn(carla, house, 'carla', password);
    await carla.waitForURL(/home/);
    await carla.goto(`${base}/name`);
    await carla.getByRole('button', { name: 'Українська' }).click();
    await carla.waitForSelector('html[lang=uk]');
    assert.match(carla.url(), /\/name$/, 'the page stays');
    assert.equal(JSON.parse(run(house, ['--json', 'user', 'show', 'carla'])).language, 'uk');
    await send(carla, { first_name: 'Карла', last_name: '' });
    await carla.waitForURL(/home/);
    await house.mail('carla@example.org', 'Content-Transfer-Encoding');
    const other = await openPage(house, { locale: 'it-IT' });
    await portalSignIn(other, house, 'carla', password);
    await other.waitForURL(/home/);
    assert.equal(await other.getAttribute('html', 'lang'), 'uk');
    await other.context().close();
    await carla.context().close();
  });

  assert.deepEqual(house.faults, []);
});

// One of them, with other letters, unless all are asked for.
const all = [['de', 'de-AT'], ['uk', 'uk-UA'], ['fr', 'fr-CA'], ['es', 'es-ES']];
for (const [tag, locale] of process.env.MINTMARK_AXE === 'all' ? all : all.slice(1, 2)) {
  test(`pages of the portal in ${languages[tag]}`, async (t) => {
    const house = await startMailHouse();
    t.after(house.stop);
    furnish(house);
    const seen = new Set();
    await visit(house, async (page, name) => {
      assert.equal(await page.getAttribute('html', 'lang'), tag, name);
      // Colours are the same in every language: the English pages are looked at in both schemes.
      await look(page, `portal-${name}-${tag}`, { widths, schemes: ['light'], shots: false });
      seen.add(name);
    }, { locale });
    assert.ok(seen.size > 35, `only ${seen.size} states`);
    assert.deepEqual(house.faults, []);
  });
}
