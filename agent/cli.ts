import {
  type Command,
  type CommandGroup,
  type CommandIo,
  type CommandValues,
  EXIT,
  type Program,
  required,
} from '../shared/command-line.ts';
import { configJsonSchema } from '../shared/config.ts';
import { askOperator } from '../shared/operator/client.ts';
import { type AgentConfig, agentConfigSchema, loadAgentConfig } from './config.ts';
import type { OutboxCommand } from './outbox/command.ts';
import { type AgentStatus, formatAgentStatus } from './status.ts';
import { exportWitness, showWitness, witnessFileOf } from './witness/command.ts';

/** What the commands need from the composition root. */
export interface AgentPrograms {
  /** Runs the agent until SIGINT or SIGTERM. */
  run(config: AgentConfig): Promise<void>;
  /** Reads everything the configuration names, without starting; throws the first coded error. */
  /** Reads every file that is named; what the operator is to know of it, one line each. */
  check(config: AgentConfig): Promise<readonly string[]>;
  /** `vitalmesh-agent decode ARGV`: resolves with the exit code. */
  decode(argv: string[], io: CommandIo): Promise<number>;
  /** `vitalmesh-agent capture`, from the agent behind this operator socket: resolves with the exit code. */
  capture(values: CommandValues, socket: string, io: CommandIo): Promise<number>;
  /** `vitalmesh-agent replay`: resolves with the exit code. */
  replay(values: CommandValues, io: CommandIo): Promise<number>;
  /** `vitalmesh-agent outbox NAME`, at the agent behind this operator socket: resolves with the exit code. */
  outbox(name: OutboxCommand, values: CommandValues, socket: string, io: CommandIo): Promise<number>;
  /** `vitalmesh-agent rekey`: resolves with the exit code. */
  rekey(config: AgentConfig, values: CommandValues, io: CommandIo): Promise<number>;
  /** `vitalmesh-agent simulate ARGV`: resolves with the exit code. */
  simulate(argv: string[], io: CommandIo): Promise<number>;
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
            const notes = await programs.check(load(values));
            io.stdout.write(['The configuration is good.', ...notes, ''].join('\n'));
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
        summary: 'Prints the Observations of recorded bytes, one JSON object a line (NDJSON), and what was rejected on standard error.',
        raw: programs.decode,
      },
      capture: {
        usage: '--config agent.yaml --source NAME --out FILE [--seconds N] [--with-identifiers]',
        summary: 'Records what a source of the running agent receives, for a bug report; names, numbers and texts are blanked.',
        explained: [
          '--seconds N         how long, 60 unless told, at most 3600',
          '--with-identifiers  leaves names and numbers of patients in the file; never send such a file to anybody',
        ],
        options: {
          ...config,
          source: { type: 'string' },
          out: { type: 'string' },
          seconds: { type: 'string' },
          'with-identifiers': { type: 'boolean' },
        },
        run: (values, io) => programs.capture(values, load(values).operator.socket, io),
      },
      replay: {
        usage: 'FILE [--profile NAME | --to HOST:PORT]',
        summary: 'Prints the Observations of a capture, or sends its messages to an MLLP listener; as test data (HTEST) in either case.',
        options: { profile: { type: 'string' }, to: { type: 'string' } },
        positionals: ['FILE'],
        run: (values, io) => programs.replay(values, io),
      },
      outbox: outboxGroup(programs),
      witness: witnessGroup(),
      rekey: {
        usage: '--config agent.yaml [--new-key FILE] [--json]',
        summary: 'Encrypts the outbox anew, under a new data key; the agent must not run.',
        explained: ['--new-key FILE  where the new key goes, when it is a systemd credential: make the credential of it afterwards'],
        options: { ...config, json: { type: 'boolean' }, 'new-key': { type: 'string' } },
        run: (values, io) => programs.rekey(load(values), values, io),
      },
      simulate: {
        usage: 'PROFILE --to HOST:PORT | PROFILE --listen HOST:PORT | --list',
        summary: 'Behaves as a device, with made-up values marked as a test, and makes the mistakes of real devices when asked (--fault).',
        raw: programs.simulate,
      },
    },
  };
}

/** What waits for the hospital and what could not be taken, at the running agent. */
function outboxGroup(programs: AgentPrograms): CommandGroup {
  const options = { ...config, json: { type: 'boolean' } } as const;
  const which = {
    ...options,
    quarantine: { type: 'boolean' },
    pending: { type: 'boolean' },
    source: { type: 'string' },
    code: { type: 'string' },
  } as const;
  const identifiers = { 'with-identifiers': { type: 'boolean' } } as const;
  const command = (name: OutboxCommand, rest: Omit<Command, 'run'>): Command => ({
    ...rest,
    run: (values, io) => programs.outbox(name, values, load(values).operator.socket, io),
  });
  return {
    summary: 'what waits for the hospital, and what could not be taken (quarantine); asks the running agent.',
    commands: {
      status: command('status', {
        usage: '--config agent.yaml [--json]',
        summary: 'Counts what waits, what the hub has and what is in quarantine, by class.',
        options,
      }),
      list: command('list', {
        usage: '--config agent.yaml [--quarantine | --pending] [--source NAME] [--code CODE] [--limit N] [--json]',
        summary: 'Lists quarantine, the newest first, or what waits, the oldest first: what it is and why, and nothing of what it holds.',
        explained: ['--limit N  how many, 100 unless told'],
        options: { ...which, limit: { type: 'string' } },
      }),
      show: command('show', {
        usage: '--config agent.yaml ID [--with-identifiers] [--json]',
        summary: 'Shows what one entry holds; names, numbers and texts are blanked. That it was shown is logged.',
        explained: ['--with-identifiers  shows them: patient data'],
        options: { ...options, ...identifiers },
        positionals: ['ID'],
      }),
      replay: command('replay', {
        usage: '--config agent.yaml ID... | --code CODE [--json]',
        summary:
          'Tries entries of quarantine once more, after their reason was mended: what can be sent now is sent once, with its own time.',
        explained: [
          'Rows that the hub refused are sent again; whole HL7 messages are read as their source is read now.',
          'What still cannot be taken stays in quarantine, and the exit code is 1.',
        ],
        options: { ...options, code: { type: 'string' } },
        more: 'ID',
      }),
      export: command('export', {
        usage: '--config agent.yaml [--quarantine | --pending] [--source NAME] [--code CODE] [--with-identifiers] [--json] > FILE',
        summary: 'Writes entries with what they hold as NDJSON, for a bug report; names, numbers and texts are blanked.',
        explained: ['--with-identifiers  leaves names and numbers of patients in it; never send such a file to anybody'],
        options: { ...which, ...identifiers },
      }),
      'accept-store': command('accept-store', {
        usage: '--config agent.yaml STORE_ID [--json]',
        summary: 'Says that the hub has a new store on purpose: what it is not known to hold is sent to it, and what comes from now on.',
        explained: ['STORE_ID  as `vitalmesh-hub status` shows it; while another store is expected, the uplink waits with UPLINK-STORE'],
        options,
        positionals: ['STORE_ID'],
      }),
      drop: command('drop', {
        usage: '--config agent.yaml ID... --reason TEXT [--json]',
        summary: 'Removes entries of quarantine for ever; id, code and reason stand in the log.',
        explained: ['--reason TEXT  why; it stands in the log, so name no patient'],
        options: { ...options, reason: { type: 'string' } },
        more: 'ID',
      }),
    },
  };
}

/** What hubs told of how far their evidence has come; read from its file, whether the agent runs or not. */
function witnessGroup(): CommandGroup {
  const file = (values: CommandValues): string => witnessFileOf(load(values).outbox.path);
  return {
    summary: 'what the hub told of its evidence, by which it can be found rewritten or cut.',
    commands: {
      show: {
        usage: '--config agent.yaml [--json]',
        summary: 'Shows of which stores signed notes are kept, how many, and how far the newest reaches.',
        options: { ...config, json: { type: 'boolean' } },
        run: async (values, io) => showWitness(file(values), values.json === true, io),
      },
      export: {
        usage: '--config agent.yaml [--json] > FILE',
        summary: 'Prints all notes as JSON, for `vitalmesh-hub audit verify --witness FILE`. There are no patient data in it.',
        options: { ...config, json: { type: 'boolean' } },
        run: async (values, io) => exportWitness(file(values), io),
      },
    },
  };
}

function load(values: CommandValues): AgentConfig {
  return loadAgentConfig(required(values, 'config'));
}
