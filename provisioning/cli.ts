import type { Program } from '../shared/command-line.ts';
import { VitalmeshError } from '../shared/errors.ts';
import { bridgeCommand } from './commands/bridge.ts';
import { connectCommand } from './commands/connect.ts';
import { enrollCommand } from './commands/enroll.ts';
import { identityCommands } from './commands/identity.ts';
import type { DemoOptions } from './demo/demo.ts';
import { fabricCommands } from './fabric/commands/fabric.ts';

/** The commands of `vitalmesh`. */
export const vitalmeshProgram: Program = {
  name: 'vitalmesh',
  summary: "carries vital signs from devices to a hospital's AI clients; this command is for trials and provisioning.",
  commands: {
    enroll: enrollCommand,
    identity: identityCommands,
    fabric: fabricCommands,
    bridge: bridgeCommand,
    connect: connectCommand,
    demo: {
      usage: '[--seconds N] [--json] [--export FILE]',
      summary: 'Runs hub, two agents, simulated devices and an AI client on this machine, and shows what arrives.',
      options: { seconds: { type: 'string' }, json: { type: 'boolean' }, export: { type: 'string' } },
      run: async (values, io) => {
        const options: DemoOptions = {
          seconds: secondsOf(values.seconds),
          json: values.json === true,
          exportFile: typeof values.export === 'string' ? values.export : undefined,
        };
        // Loaded when called: no other command has a use for it.
        return (await import('./demo/demo.ts')).runDemo(options, io);
      },
    },
  },
};

function secondsOf(text: string | boolean | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (!Number.isFinite(seconds) || seconds < 1 || seconds > 86_400)
    throw new VitalmeshError('USAGE', { detail: '--seconds is a number from 1 to 86400' });
  return seconds;
}
