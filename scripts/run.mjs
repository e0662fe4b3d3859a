// Runs one of the project's scripts with the Node of the npm package `node`, installing what the lockfile names first when that
// has not been done. Parsed by the machine's own Node, whatever its age (18 or later).
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const node = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

/** npm writes this file last, so an install that was interrupted, or a lockfile that changed since, is seen. */
function installed() {
  const written = join(root, 'node_modules', '.package-lock.json');
  return existsSync(node) && existsSync(written) && statSync(written).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
}

function install() {
  if (installed()) return;
  const lock = join(root, '.installing');
  const owner = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0;
  if (owner > 0 && alive(owner)) {
    process.stderr.write(`Another install is running in this folder (process ${owner}).\n`);
    process.exit(1);
  }
  writeFileSync(lock, String(process.pid));
  process.stderr.write('First run: installing the packages of package-lock.json (a minute or so) ...\n');
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  rmSync(lock, { force: true });
  if (npm.status !== 0 || !existsSync(node)) {
    process.stderr.write('The install failed; see the lines above. `npm ci --loglevel=warn` shows more.\n');
    process.exit(1);
  }
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

// Most files wait for processes and timers most of their time, so even two cores have room for two at once.
const several = Math.max(2, availableParallelism() - 1);
// A test that hangs fails, and so does, by its name, a file whose process outlives its tests (left-behind.ts).
const support = (name) => pathToFileURL(join(root, 'test', 'support', name)).href;
const tests = (limitMs, atOnce, ...globs) => ({
  flags: [
    ...[`--import=${support('left-behind.ts')}`, '--test', `--test-timeout=${limitMs}`, `--test-concurrency=${atOnce}`],
    ...['spec', support('slowest-files.ts')].flatMap((name) => [`--test-reporter=${name}`, '--test-reporter-destination=stdout']),
  ],
  globs,
});
const commands = {
  demo: [['provisioning/main.ts', 'demo']],
  test: [tests(600_000, several, 'test/*.test.ts', 'test/{shared,agent,hub,provisioning,contract,golden,fault,e2e}/**/*.test.ts')],
  counterpart: [tests(600_000, several, 'test/counterpart/**/*.test.ts')],
  check: [
    ['node_modules/typescript/bin/tsc', '-p', '.'],
    ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'],
    tests(600_000, several, 'test/imports.test.ts', 'test/requirements.test.ts'),
  ],
  format: [['node_modules/@biomejs/biome/bin/biome', 'check', '--write', '.']],
  docs: [['scripts/device-pages.ts'], ['scripts/mcp-page.ts']],
  bench: [['test/bench/run.ts']],
  torture: [tests(7_200_000, 1, 'test/torture/**/*.test.ts')],
  soak: [['test/soak/soak.ts']],
  conformance: [['test/conformance/run.ts']],
  strip: [['scripts/strip.ts']],
  unstrip: [['scripts/strip.ts', '--remove']],
};

const [, , name = '', ...rest] = process.argv;
const steps = commands[name];
if (!steps) {
  process.stderr.write(`Unknown script '${name}'. Known: ${Object.keys(commands).join(', ')}\n`);
  process.exit(2);
}
const [{ globs: every }] = steps;
if (every && (rest.includes('--help') || rest.includes('-h'))) {
  process.stdout.write(`npm run ${name} [-- FILE...]\nAll files of ${every.at(-1)}, or those named.\n`);
  process.exit(0);
}
install();

let child;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child?.kill(signal));

for (const [i, step] of steps.entries()) {
  const own = i === steps.length - 1 ? rest : [];
  const args = step.globs ? testArguments(step, own) : [...step, ...own];
  const env = { ...process.env, PATH: `${dirname(node)}:${process.env.PATH ?? ''}`, ...(step.globs && { NODE_COMPILE_CACHE: compiled() }) };
  const status = await new Promise((resolve) => {
    child = spawn(node, args, { cwd: root, stdio: 'inherit', env });
    child.on('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 1)));
  });
  if (status !== 0) process.exit(status);
}

/** Test files in `npm test -- FILE` replace the globs. */
function testArguments({ flags, globs }, own) {
  const named = own.some((arg) => !arg.startsWith('-'));
  return [...flags, ...own, ...(named ? [] : globs)];
}

/** Half of what a short test does is to compile what all of them import: a folder for what was compiled, as long as this run. */
function compiled() {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-compiled-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
