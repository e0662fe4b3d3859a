import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ERRORS } from '../shared/errors.ts';
import { REQUIREMENTS, verifies } from './requirements.ts';

const root = join(import.meta.dirname, '..');
const text = readFileSync(join(root, 'THREATS.md'), 'utf8');

const security = readFileSync(join(root, 'SECURITY.md'), 'utf8');

const isRequirement = (name: string): boolean => Object.hasOwn(REQUIREMENTS, name);
const isTest = (name: string): boolean => /^test\/\S+\.test\.ts$/.test(name) && existsSync(join(root, name));
const quotedIn = (part: string): string[] => [...part.matchAll(/`([^`]+)`/g)].map(([, quoted = '']) => quoted);

const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
const isOfOwasp = (line: string): boolean => /^\| (?:risk|MCP\d\d) \|/.test(line);

/** Cells of each row that states something: not of heads, nor of the lines below them. */
const rows = text
  .split('\n')
  .filter((line) => line.startsWith('|') && !/^\|(?: verdict \||-)/.test(line) && !isOfOwasp(line))
  .map(cellsOf);

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

/** OWASP MCP Top 10, 2025, v0.1. */
const OWASP = [
  'Token Mismanagement & Secret Exposure',
  'Privilege Escalation via Scope Creep',
  'Tool Poisoning',
  'Software Supply Chain Attacks & Dependency Tampering',
  'Command Injection & Execution',
  'Intent Flow Subversion (prompt injection via contextual payloads)',
  'Insufficient Authentication & Authorization',
  'Lack of Audit and Telemetry',
  'Shadow MCP Servers',
  'Context Injection & Over-Sharing',
];

test('each risk of the OWASP MCP Top 10 says what stands against it, and names requirements and tests that exist', () => {
  verifies('THREATS-PROVEN');
  const [, ...risks] = text.split('\n').filter(isOfOwasp).map(cellsOf);
  assert.deepEqual(
    risks.map(([id, name]) => [id, name]),
    OWASP.map((name, i) => [`MCP${String(i + 1).padStart(2, '0')}`, name]),
  );
  for (const [id = '', , against = '', proof = '', ...more] of risks) {
    assert.ok(against.length > 0 && more.length === 0, id);
    const named = quotedIn(proof);
    assert.ok(named.length >= 2, id);
    for (const name of named) assert.ok(isRequirement(name) || isTest(name), `${id}: ${name}`);
  }
});

test('every dependency is of one version, and every package has the hash of its content', () => {
  verifies('DEPENDENCIES-PINNED');
  const read = (name: string): unknown => JSON.parse(readFileSync(join(root, name), 'utf8'));
  const { dependencies, devDependencies } = read('package.json') as Record<'dependencies' | 'devDependencies', Record<string, string>>;
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
    assert.match(version, /^\d+\.\d+\.\d+(?:-[\w.]+)?$/, name);
  const { packages } = read('package-lock.json') as {
    packages: Record<string, { integrity?: string; resolved?: string; inBundle?: boolean; link?: boolean }>;
  };
  // What is bundled in another package has its hash.
  const locked = Object.entries(packages).filter(([name, { inBundle }]) => name !== '' && !inBundle);
  assert.ok(locked.length > 100);
  for (const [name, { integrity, resolved = 'https://registry.npmjs.org/' }] of locked) {
    assert.match(integrity ?? '', /^sha512-/, name);
    assert.ok(resolved.startsWith('https://registry.npmjs.org/'), name);
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

/** Standards and implementation specifications of 45 CFR 164.312. */
const SAFEGUARDS = [
  '(a)(1)',
  '(a)(2)(i)',
  '(a)(2)(ii)',
  '(a)(2)(iii)',
  '(a)(2)(iv)',
  '(b)',
  '(c)(1)',
  '(c)(2)',
  '(d)',
  '(e)(1)',
  '(e)(2)(i)',
  '(e)(2)(ii)',
];

test('each safeguard of the Security Rule names requirements that exist', () => {
  verifies('SECURITY-PROVEN');
  const cells = (line: string): string[] => line.split('|').map((cell) => cell.trim());
  const table = security.split('\n').filter((line) => /^\| \([a-e]\)/.test(line));
  assert.deepEqual(
    table.map((line) => cells(line)[1]),
    SAFEGUARDS,
  );
  for (const line of table) {
    const named = quotedIn(cells(line)[4] ?? '');
    assert.ok(named.length > 0, line);
    for (const name of named) assert.ok(isRequirement(name), `${name}: ${line}`);
  }
});

test('every requirement that SECURITY.md names exists', () => {
  verifies('SECURITY-PROVEN');
  const named = quotedIn(security).filter((name) => /^[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+$/.test(name));
  assert.ok(named.length > 20);
  for (const name of named) assert.ok(isRequirement(name), name);
});
