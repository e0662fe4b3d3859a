// Finds a Node that can run Vitalmesh (24 or later) and starts one of its programs with it. Parsed by any Node from 18 on.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, existsSync, constants as files, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants as machine } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const NEEDED = 24;

/** Says what to do when the packages are not there at all; anything would fail, with a message of its own. */
function checkPackages() {
  try {
    createRequire(import.meta.url).resolve('yaml');
  } catch {
    const clone = existsSync(join(root, 'scripts', 'run.mjs'));
    const how = clone ? `Run in ${root}: npm ci  (npm run demo does it too)` : `Install the package anew: npm install vitalmesh`;
    process.stderr.write(`The npm packages that Vitalmesh needs are not installed. ${how}\n`);
    process.exit(1);
  }
}

function isEnough(version) {
  return Number(version.split('.')[0]) >= NEEDED;
}

function refuse(node, why) {
  process.stderr.write(
    `Node could not be started: ${node} ${why}. VITALMESH_NODE is to be the absolute path of a Node ${NEEDED} or later.\n`,
  );
  process.exit(1);
}

/** What `call` gives; its error, of the file or of Node's permission model, is told as one line. */
function tried(node, call) {
  try {
    return call();
  } catch (error) {
    return refuse(node, `cannot be run (${error.code})`);
  }
}

/** A Node other than this one is asked who it is before anything becomes it: where an exec fails, Node aborts with a native stack. */
function checkedNode(node) {
  if (!isAbsolute(node)) refuse(node, 'is no absolute path');
  if (!tried(node, () => statSync(node)).isFile()) refuse(node, 'is no file');
  tried(node, () => accessSync(node, files.X_OK));
  if (node === process.execPath && isEnough(process.versions.node)) return node;
  // Without NODE_OPTIONS, of which an older one may not know all; the time limit is for what is no Node and never ends.
  const asked = tried(node, () =>
    spawnSync(node, ['--version'], { encoding: 'utf8', timeout: 20_000, env: { ...process.env, NODE_OPTIONS: '' } }),
  );
  if (asked.error) refuse(node, `cannot be run (${asked.error.code})`);
  const version = /^v(\d+\.\d+\.\d+)\S*\s*$/.exec(asked.stdout);
  if (asked.status !== 0 || !version) refuse(node, 'is no Node');
  if (!isEnough(version[1])) refuse(node, `is Node ${asked.stdout.trim()}`);
  return node;
}

function findNode() {
  if (process.env.VITALMESH_NODE) return checkedNode(process.env.VITALMESH_NODE);
  if (isEnough(process.versions.node)) return checkedNode(process.execPath);
  try {
    const home = dirname(createRequire(import.meta.url).resolve('node/package.json'));
    const binary = join(home, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    if (existsSync(binary)) return checkedNode(binary);
  } catch {
    // The package `node` is not installed beside us; the message below says what to do.
  }
  process.stderr.write(
    `Vitalmesh needs Node ${NEEDED} or later; this is ${process.version}, and the npm package 'node' beside it is not complete.\n` +
      `Install it (npm install node@${NEEDED}; npm must be allowed to run its install script), or set VITALMESH_NODE to a Node ${NEEDED} binary.\n`,
  );
  process.exit(1);
}

/**
 * V8 sizes its young generation for throughput, 96 MB of it, which on a home gateway would be most of what the agent takes. So little as flags.json
 * says costs it a hundredth of a core at 1,000 observations a second. The limit of the agent's old generation is far above what it ever holds; V8 lets a
 * heap grow in smaller steps below a smaller limit. What NODE_OPTIONS says goes before.
 */
function flagsOf(program) {
  const flags = JSON.parse(readFileSync(join(root, 'bin', 'flags.json'), 'utf8'))[program] ?? [];
  const own = (process.env.NODE_OPTIONS ?? '').replaceAll('_', '-');
  return flags.filter((flag) => !own.includes(flag.split('=')[0]));
}

/**
 * Becomes the program where this Node can (from 22.15 on, not on Windows, not under its permission model): a second Node that only waits would take
 * 45 MB. `node` was checked: this does not come back with an error.
 */
function become(node, args) {
  if (process.platform !== 'win32' && !process.permission) process.execve?.(node, [node, ...args]);
}

/** Runs `program` (a path without extension below the package's root) with this process's arguments; passes signals and the exit code on. */
export function launch(program) {
  checkPackages();
  // A clone runs the TypeScript itself; the published package carries stripped JavaScript, because Node strips nothing below node_modules.
  const stripped = join(root, 'dist', `${program}.js`);
  const source = join(root, `${program}.ts`);
  const args = [...flagsOf(program), existsSync(source) ? source : stripped, ...process.argv.slice(2)];
  const node = findNode();
  become(node, args);
  const child = tried(node, () => spawn(node, args, { stdio: 'inherit' }));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`Node could not be started: ${error.message}\n`);
    process.exit(1);
  });
  // As a shell tells it, so that who waits for this process learns what became of that one.
  child.on('exit', (code, signal) => process.exit(code ?? 128 + machine.signals[signal]));
}
