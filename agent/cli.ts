import { type CommandIo, type CommandValues, EXIT, type Program, required } from '../shared/command-line.ts';
import { configJsonSchema } from '../shared/config.ts';
import { askOperator } from '../shared/operator/client.ts';
import { type AgentConfig, agentConfigSchema, loadAgentConfig } from './config.ts';
import { type AgentStatus, formatAgentStatus } from './status.ts';

/** What the commands need from the composition root. */
export interface AgentPrograms {
  /** Runs the agent until SIGINT or SIGTERM. */
  run(config: AgentConfig): Promise<void>;
  /** Reads everything the configuration names, without starting; throws the first coded error. */
  check(config: AgentConfig): Promise<void>;
  /** `vitalmesh-agent decode ARGV`: resolves with the exit code. */
  decode(argv: string[], io: CommandIo): Promise<number>;
}

const config = { config: { type: 'string' } } as const;

/** The commands of `vitalmesh-agent`. */
export function agentProgram(programs: AgentPrograms): Program {
  return {
    name: 'vitalmesh-agent',
    summary: 'reads the devices of a home or an ICU bay, keeps every reading on disk until the hospital has it, and sends it there.',
    commands: {
      run: {
        usage: '--config agent.yaml',
        summary: 'Runs the agent until it is told to stop (SIGINT, SIGTERM).',
        options: config,
        run: async (values) => {
          await programs.run(load(values));
          return EXIT.ok;
        },
      },
      check: {
        usage: '--config agent.yaml | --print-schema',
        summary:
          'Checks the configuration and reads identity, key file and mappings (the outbox itself is not opened), or prints the JSON Schema of agent.yaml.',
        options: { ...config, 'print-schema': { type: 'boolean' } },
        run: async (values, io) => {
          if (values['print-schema']) io.stdout.write(`${JSON.stringify(configJsonSchema(agentConfigSchema), null, 2)}\n`);
          else {
            await programs.check(load(values));
            io.stdout.write('The configuration is good.\n');
          }
          return EXIT.ok;
        },
      },
      status: {
        usage: '--config agent.yaml [--json]',
        summary: 'Shows how the running agent is: devices, outbox, uplink, counts.',
        options: { ...config, json: { type: 'boolean' } },
        run: async (values, io) => {
          const status = (await askOperator(load(values).operator.socket, 'status')) as AgentStatus;
          io.stdout.write(values.json ? `${JSON.stringify(status)}\n` : `${formatAgentStatus(status)}\n`);
          return EXIT.ok;
        },
      },
      decode: {
        usage: '--profile NAME [--patient ID] < bytes | --list',
        summary: 'Prints the Observations of recorded bytes as NDJSON, and what was rejected on standard error.',
        raw: programs.decode,
      },
    },
  };
}

function load(values: CommandValues): AgentConfig {
  return loadAgentConfig(required(values, 'config'));
}
