import type { CommandGroup } from '../../../shared/command-line.ts';
import { identityCommands } from './identity.ts';
import { policyCommands } from './policy.ts';
import { runCommand } from './run.ts';
import { serviceCommands } from './service.ts';

/** `vitalmesh fabric …` */
export const fabricCommands: CommandGroup = {
  summary: 'An overlay network on this machine alone, for trial, development and tests; a hospital runs OpenZiti.',
  commands: { run: runCommand, identity: identityCommands, service: serviceCommands, policy: policyCommands },
};
