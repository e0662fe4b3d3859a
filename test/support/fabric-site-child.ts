import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { followDetours } from './detours.ts';
import { followLuck } from './luck.ts';

/**
 * Runs one of our programs as a child of a test, and kills it when the test's process is gone, however that ended.
 * `node test/support/fabric-site-child.ts hub run --config hub.yaml`.
 */
const [program = ''] = process.argv.splice(2, 1);
followLuck();
process.stdin.resume().on('end', () => process.kill(process.pid, 'SIGKILL'));
const config = process.argv[process.argv.indexOf('--config') + 1];
if (process.argv.includes('--config') && config !== undefined) followDetours(config);
const { main } = (await import(join(import.meta.dirname, '..', '..', program, 'main.ts'))) as { main?(argv: string[]): Promise<void> };
// What is killed would leave nothing behind for the next one.
flushCompileCache();
await main?.(process.argv.slice(2));
