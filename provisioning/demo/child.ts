import { join } from 'node:path';

/**
 * Runs one of Vitalmesh's own programs as a child of the demo, and stops it when the demo is gone: whoever kills the demo
 * leaves no hub or agent behind. `node provisioning/demo/child.ts hub run --config hub.yaml`.
 */
const [program = ''] = process.argv.splice(2, 1);
process.stdin.resume().on('end', () => process.kill(process.pid, 'SIGTERM'));
const { main } = (await import(join(import.meta.dirname, '..', '..', program, 'main.ts'))) as { main(argv: string[]): Promise<void> };
await main(process.argv.slice(2));
