// Finds a Node that can run Vitalmesh (24 or later) and starts one of its programs with it. Parsed by any Node from 18 on.
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
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

function findNode() {
  if (process.env.VITALMESH_NODE) return process.env.VITALMESH_NODE;
  if (Number(process.versions.node.split('.')[0]) >= NEEDED) return process.execPath;
  try {
    const home = dirname(createRequire(import.meta.url).resolve('node/package.json'));
    const binary = join(home, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    if (existsSync(binary)) return binary;
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

/** Becomes the program where this Node can (from 22.15 on, not on Windows): a second Node that only waits would take 45 MB. */
function become(node, args) {
  try {
    accessSync(node, constants.X_OK);
  } catch {
    return;
  }
  if (process.platform !== 'win32') process.execve?.(node, [node, ...args]);
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
  const child = spawn(node, args, { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`Node could not be started: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
}
