import { once } from 'node:events';
import { parseInstant } from '../shared/clock.ts';
import { type CommandValues, EXIT, type Program, required } from '../shared/command-line.ts';
import { configJsonSchema } from '../shared/config.ts';
import { VitalmeshError } from '../shared/errors.ts';
import { EVENT_KINDS, type EventKind } from '../shared/event.ts';
import { askOperator, callOperator } from '../shared/operator/client.ts';
import { type HubConfig, hubConfigSchema, loadHubConfig } from './config.ts';
import type { ConformanceRequest } from './mcp/conformance/conformance.ts';
import { formatHubStatus, type HubStatus, type StorelessStatus } from './status.ts';

/** What the commands need from the composition root. */
export interface HubPrograms {
  /** Runs the hub until SIGINT or SIGTERM, with the fixtures of the conformance suite on a port of this machine where that is asked for. */
  run(config: HubConfig, conformance?: ConformanceRequest): Promise<void>;
  /** Reads everything the configuration names, without starting; throws the first coded error. Resolves with what else is to be known. */
  check(config: HubConfig): Promise<string | undefined>;
  /** Observations of a store whose hub does not run, under the same owner lock and through the same door. */
  exportOffline(config: HubConfig, filter: ExportFilter): AsyncIterable<unknown>;
}

export interface ExportFilter {
  patient?: string;
  /** Stored at or after, UTC ms. */
  since?: number;
  /** Events of this kind; vital signs unless given. */
  kind?: EventKind;
}

const config = { config: { type: 'string' } } as const;

/** The commands of `vitalmesh-hub`, with `more` of other rooms. */
export function hubProgram(programs: HubPrograms, more: Program['commands'] = {}): Program {
  return {
    name: 'vitalmesh-hub',
    summary: 'takes the observations of all gateways and serves them to AI clients by MCP, without any listening port.',
    commands: {
      run: {
        usage: '--config hub.yaml [--conformance CLIENT [--conformance-port 0]]',
        summary:
          'Runs the hub until it is told to stop (SIGINT, SIGTERM). SIGHUP reads registry.yaml and policy.yaml again. --conformance serves the fixtures of the MCP conformance ' +
          'suite besides, on a loopback port on which everybody is CLIENT; refused unless every tenant is a sandbox and no access tokens are taken.',
        options: { ...config, conformance: { type: 'string' }, 'conformance-port': { type: 'string' } },
        run: async (values) => {
          await programs.run(loadHubConfig(required(values, 'config')), conformanceOf(values));
          return EXIT.ok;
        },
      },
      check: {
        usage: '--config hub.yaml | --print-schema',
        summary:
          'Checks the configuration and reads identity, registry and key file (the store itself is not opened), or prints the JSON Schema of hub.yaml.',
        options: { ...config, 'print-schema': { type: 'boolean' } },
        run: async (values, io) => {
          if (values['print-schema']) io.stdout.write(`${JSON.stringify(configJsonSchema(hubConfigSchema), null, 2)}\n`);
          else {
            const note = await programs.check(loadHubConfig(required(values, 'config')));
            io.stdout.write(`The configuration is good.\n${note === undefined ? '' : `${note}\n`}`);
          }
          return EXIT.ok;
        },
      },
      status: {
        usage: '--config hub.yaml [--json]',
        summary: 'Shows how the running hub is: overlay, gateways, AI clients, counts.',
        options: { ...config, json: { type: 'boolean' } },
        run: async (values, io) => {
          const status = (await askOperator(socketOf(values), 'status')) as HubStatus | StorelessStatus;
          io.stdout.write(values.json ? `${JSON.stringify(status)}\n` : `${formatHubStatus(status)}\n`);
          return EXIT.ok;
        },
      },
      export: {
        usage: '--config hub.yaml [--since TIME] [--patient ID] [--kind alert|wave|movement|device|gap]',
        summary:
          'Prints the stored vital signs, or events of one kind, as FHIR, one JSON object a line (NDJSON), in order of storing; TIME with offset, as 2026-11-21T10:00:00+01:00.',
        options: { ...config, since: { type: 'string' }, patient: { type: 'string' }, kind: { type: 'string' } },
        run: async (values, io) => {
          const loaded = loadHubConfig(required(values, 'config'));
          const filter = filterOf(values);
          let found = false;
          for await (const observation of exported(programs, loaded, filter)) {
            found = true;
            if (!io.stdout.write(`${JSON.stringify(observation)}\n`)) await once(io.stdout, 'drain');
          }
          if (!found) io.stderr.write(Object.keys(filter).length > 0 ? 'Nothing that is stored matches.\n' : 'Nothing is stored yet.\n');
          return EXIT.ok;
        },
      },
      ...more,
    },
  };
}

function conformanceOf({ conformance: caller, 'conformance-port': port = '0' }: CommandValues): ConformanceRequest | undefined {
  if (typeof caller !== 'string') {
    if (port !== '0') throw new VitalmeshError('USAGE', { detail: '--conformance-port goes with --conformance' });
    return undefined;
  }
  if (!/^\d{1,5}$/.test(String(port)) || Number(port) > 65_535)
    throw new VitalmeshError('USAGE', { detail: '--conformance-port is 0 to 65535' });
  return { caller, port: Number(port) };
}

function socketOf(values: CommandValues): string {
  return loadHubConfig(required(values, 'config')).operator.socket;
}

async function* exported(programs: HubPrograms, config: HubConfig, filter: ExportFilter): AsyncGenerator<unknown> {
  try {
    yield* callOperator(config.operator.socket, 'export', { ...filter });
  } catch (error) {
    const nobody = error instanceof VitalmeshError && error.code === 'OPERATOR-NOT-RUNNING' && error.detail === config.operator.socket;
    if (!nobody) throw error;
    yield* programs.exportOffline(config, filter);
  }
}

function filterOf(values: CommandValues): ExportFilter {
  const filter: ExportFilter = {};
  if (typeof values.patient === 'string') filter.patient = values.patient;
  if (typeof values.kind === 'string') {
    const kind = EVENT_KINDS.find((name) => name === values.kind);
    if (!kind) throw new VitalmeshError('USAGE', { detail: `--kind is ${EVENT_KINDS.join(', ')}` });
    filter.kind = kind;
  }
  if (typeof values.since === 'string') {
    const since = parseInstant(values.since);
    if (!since) throw new VitalmeshError('USAGE', { detail: '--since is a time with offset, as 2026-11-21T10:00:00+01:00' });
    filter.since = since.at;
  }
  return filter;
}
