import { ASKED_BY_THE_HUB, doorOutputs, SAID_AT_THE_DOOR } from './outputs/door.ts';
import { mcpOutputs, refusalOutputs, SAID_TO_CLIENTS } from './outputs/mcp.ts';
import { ASKED_BY_OPERATORS, operatorOutputs } from './outputs/operator.ts';
import type { Output } from './outputs/output.ts';
import { ownOutputs } from './outputs/own.ts';

/** Every output that exists. The order is that in which they are run. */
export const OUTPUTS: readonly Output[] = [...mcpOutputs(), ...refusalOutputs(), ...doorOutputs(), ...operatorOutputs(), ...ownOutputs()];

/** What has a row, by where it is registered. */
export const COVERED = {
  mcp: Object.keys(SAID_TO_CLIENTS),
  door: [...Object.keys(SAID_AT_THE_DOOR), 'export', 'exportEvents', ...ASKED_BY_THE_HUB],
  operator: Object.keys(ASKED_BY_OPERATORS),
};
