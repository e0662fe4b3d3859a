import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ERRORS } from '../shared/errors.ts';
import { REQUIREMENTS, verifies } from './requirements.ts';

const root = join(import.meta.dirname, '..');
const text = readFileSync(join(root, 'THREATS.md'), 'utf8');

const isRequirement = (name: string): boolean => Object.hasOwn(REQUIREMENTS, name);
const isTest = (name: string): boolean => /^test\/\S+\.test\.ts$/.test(name) && existsSync(join(root, name));
const quotedIn = (part: string): string[] => [...part.matchAll(/`([^`]+)`/g)].map(([, quoted = '']) => quoted);

/** Cells of each row that states something: not of heads, nor of the lines below them. */
const rows = text
  .split('\n')
  .filter((line) => line.startsWith('|') && !/^\|(?: verdict \||-)/.test(line))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

test('what is said to be prevented or bounded names its proof, and every proof exists', () => {
  verifies('THREATS-PROVEN');
  assert.ok(rows.length > 0);
  for (const [verdict = '', what = '', proof = '', ...more] of rows) {
    assert.match(verdict, /^(?:cannot|bounded|can)$/, what);
    assert.ok(what.length > 0 && proof.length > 0 && more.length === 0, what);
    if (verdict === 'can') continue;
    const named = quotedIn(proof);
    assert.ok(named.length > 0, what);
    for (const name of named) assert.ok(isRequirement(name) || isTest(name), `${what}: ${name}`);
  }
});

test('every test file, requirement and error that is named anywhere in it exists', () => {
  for (const name of quotedIn(text)) {
    if (name.startsWith('test/')) assert.ok(existsSync(join(root, name)), name);
    else if (/^[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+$/.test(name)) assert.ok(isRequirement(name) || Object.hasOwn(ERRORS, name), name);
  }
});

test('every attacker has something that nothing prevents: a list without it would not be honest', () => {
  const sections = text.split(/^## /m).slice(1);
  assert.ok(sections.length > 0);
  for (const section of sections) assert.match(section, /^\| can \|/m, section.split('\n')[0]);
});
