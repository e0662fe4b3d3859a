import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { verifies } from './requirements.ts';

const root = join(import.meta.dirname, '..');
/** Imports and exports that are carried out when a file is loaded; not those of types alone, nor `import()`. */
const STATIC = /^(?:import|export)\s(?!type\b)(?:[^;'()]*?\sfrom\s)?'([^']+)'/gm;

/** Packages, and files of ours, that are loaded with a file. */
function loadedWith(entry: string): { packages: string[]; files: string[] } {
  const [packages, files, next] = [new Set<string>(), new Set<string>(), [join(root, entry)]];
  for (let file = next.pop(); file !== undefined; file = next.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    for (const [, target = ''] of readFileSync(file, 'utf8').matchAll(STATIC)) {
      if (target.startsWith('.')) next.push(join(dirname(file), target));
      else if (!target.startsWith('node:')) packages.add(target);
    }
  }
  return { packages: [...packages].sort(), files: [...files].map((file) => file.slice(root.length + 1)) };
}

/** What each costs stands in test/bench/memory.ts; one more in either list is memory in every process. */
const AGENT = ['better-sqlite3-multiple-ciphers', 'json-p3', 'pino', 'temporal-polyfill', 'yaml', 'zod'];
const OVERLAY = ['libsodium-wrappers', 'undici'];

test('an agent loads what every agent needs; drivers, the overlay and commands come when they are configured or called', () => {
  verifies('MEMORY-LOADED');
  const { packages, files } = loadedWith('agent/main.ts');
  assert.deepEqual(packages, AGENT);
  assert.ok(files.includes('agent/outbox/sqlite.ts'), 'what is loaded is found');
  for (const part of [
    /^agent\/simulate\/(?!cli)/,
    /^agent\/uplink\/fhir-server\/(?!config)/,
    /^shared\/overlay\/ziti\/circuit\//,
    /^hub\//,
    /^provisioning\//,
  ])
    assert.deepEqual(
      files.filter((file) => part.test(file)),
      [],
      String(part),
    );
});

test('nobody but who issues certificates loads the library for that', () => {
  verifies('MEMORY-LOADED');
  assert.deepEqual(
    loadedWith('shared/overlay/ziti/ziti.ts').packages.filter((name) => !AGENT.includes(name)),
    OVERLAY,
  );
  const hub = loadedWith('hub/main.ts').packages;
  assert.ok(hub.includes('@modelcontextprotocol/server'), 'what is loaded is found');
  for (const name of ['@peculiar/x509', 'reflect-metadata', 'pg', 'mqtt', 'serialport']) assert.ok(!hub.includes(name), name);
});
