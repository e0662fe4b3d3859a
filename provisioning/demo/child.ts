import { join } from 'node:path';
import { runProgram } from '../../shared/command-line.ts';
import { enrollCommand } from '../commands/enroll.ts';

/**
 * Runs one of Vitalmesh's own programs as a child of the demo, and stops it when the demo is gone: whoever kills the demo leaves no
 * process behind. `node provisioning/demo/child.ts [--enroll TOKEN.jwt IDENTITY.json] hub/main run --config hub.yaml`. With a token it
 * first does what `vitalmesh enroll --json` does, so that the private key is made where it is used, and starts the program once a line
 * comes by standard input.
 */
const argv = process.argv.slice(2);
const [, token, identity] = argv[0] === '--enroll' ? argv.splice(0, 3) : [];
const [program = '', ...args] = argv;

process.stdin.resume().on('end', () => process.kill(process.pid, 'SIGTERM'));
const go = new Promise((resolve) => process.stdin.once('data', resolve));
// Loaded while the network answers.
const loading = import(join(import.meta.dirname, '..', '..', `${program}.ts`)) as Promise<{ main(argv: string[]): Promise<void> }>;

if (token !== undefined && identity !== undefined) {
  const enrolling = { name: 'vitalmesh', summary: '', commands: { enroll: enrollCommand } };
  const [failed] = await Promise.all([runProgram(enrolling, ['enroll', token, '-o', identity, '--json']), loading]);
  if (failed !== 0) process.exit(failed);
  await go;
}
const { main } = await loading;
await main(args);
