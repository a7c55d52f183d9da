// Looks at pages: no WCAG 2.2 A/AA fault, no sideways scrolling, and pictures: wide and light, narrow and dark.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

export const pictures = process.env.MINTMARK_PICTURES ?? resolve(import.meta.dirname, '../../target/e2e-pictures');
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
mkdirSync(pictures, { recursive: true });

const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
// The schemes differ in colours and in nothing else, so the second one is asked for these alone.
const colours = { type: 'rule', values: ['color-contrast', 'link-in-text-block'] };

/** Looks at a page in both widths and both colour schemes, without loading it again. */
export async function look(page, name, { widths = [1280, 360], schemes = ['light', 'dark'], shots = true } = {}) {
  const faults = [];
  const debug = await page.context().newCDPSession(page);
  // Evaluated by the debugger, so the page's own rules against foreign scripts stay in force.
  await page.evaluate(axeSource);
  for (const width of widths) {
    await page.setViewportSize({ width, height: 900 });
    for (const colorScheme of schemes) {
      // Without motion: a colour that is still fading to the other scheme has no contrast to judge.
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const found = await page.evaluate(async (runOnly) => {
        const { violations } = await window.axe.run(document, { runOnly, resultTypes: ['violations'] });
        return {
          violations: violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`),
          sideways: document.documentElement.scrollWidth > window.innerWidth,
        };
      }, colorScheme === schemes[0] ? rules : colours);
      for (const violation of found.violations) faults.push(`${name} ${width} ${colorScheme}: ${violation}`);
      if (found.sideways) faults.push(`${name} ${width} ${colorScheme}: scrolls sideways`);
      // A picture of each width and of each scheme: four of every page would cost as much as judging it.
      if (!shots || (width === widths[0]) !== (colorScheme === schemes[0])) continue;
      const shot = await debug.send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true, optimizeForSpeed: true });
      writeFileSync(join(pictures, `${name}-${width}-${colorScheme}.png`), Buffer.from(shot.data, 'base64'));
    }
  }
  await debug.detach();
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ colorScheme: 'light' });
  if (faults.length > 0) throw new Error(faults.join('\n'));
}
