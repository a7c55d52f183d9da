// Every row of the portal's list of promises, P1 to P53, is walked by a test or a part of one that names it.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

test('each row is named by a walk', () => {
  const named = new Set();
  for (const file of readdirSync(import.meta.dirname).filter((name) => name.endsWith('.test.mjs'))) {
    const text = readFileSync(join(import.meta.dirname, file), 'utf8');
    for (const [, , name] of text.matchAll(/\b(?:step|test|steps\(t\))\((['"`])(.*?)(?<!\\)\1/g)) {
      for (const [, row] of name.matchAll(/\bP(\d+)\b/g)) named.add(Number(row));
    }
  }
  const missing = Array.from({ length: 53 }, (_, n) => n + 1).filter((row) => !named.has(row));
  assert.deepEqual(missing.map((row) => `P${row}`), []);
});
