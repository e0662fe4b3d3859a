import { z } from 'zod';
import { isZone } from '../shared/clock.ts';
import { loadConfig } from '../shared/config.ts';
import { dataKeyConfig, filePath, logConfig, oneKey, operatorConfig, withKeyFile } from '../shared/config-parts.ts';
import { nearest } from '../shared/nearest.ts';
import { overlayConfig } from '../shared/overlay/config.ts';
import { type DecodeContext, identifier, MAX_DEVICE_ID, MAX_IDENTIFIER, type Profile } from './decoding.ts';
import { DEFAULT_MAX_FRAME_BYTES } from './framing/framing.ts';
import type { Dialect } from './hl7/dialect.ts';
import { outboxLimitsConfig } from './outbox/config.ts';
import { PROFILES } from './profiles.ts';
import { parseLineAddress } from './sources/line.ts';
import { MLLP_CLIENT_DEFAULTS } from './sources/mllp-client.ts';
import { MLLP_SERVER_DEFAULTS } from './sources/mllp-server.ts';
import { MQTT_DEFAULTS } from './sources/mqtt.ts';
import { SERIAL_DEFAULTS } from './sources/serial.ts';
import { uplinkConfig } from './uplink/config.ts';

const milliseconds = z.int().min(1).max(86_400_000);
const zone = z.string().refine(isZone, 'expected an IANA time zone, such as Europe/Berlin');
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected a name of letters, digits, dots, dashes, at most 64');
const hint = identifierOf(MAX_IDENTIFIER);
const deviceId = identifierOf(MAX_DEVICE_ID);

/** What every source may say. */
const common = {
  name: name.describe('Unique; readings, counters and log lines carry it.'),
  patient: z
    .strictObject({
      value: hint,
      authority: z.string().max(128).default('').describe('Assigning authority; empty when the number needs none.'),
    })
    .optional()
    .describe('The one patient of this source, when the bytes name none.'),
  bed: hint.optional().describe('The bed of this source, when the bytes name none.'),
  zone: zone.optional().describe('Zone of device times without one; the zone of the agent unless told.'),
  test: z
    .boolean()
    .optional()
    .describe(
      'Marks everything of this source as test data (HTEST): for a simulated device whose format cannot say it. That of the agent marks all sources.',
    ),
  maxFrameBytes: z
    .int()
    .min(64)
    .max(64 * 1024 * 1024)
    .default(DEFAULT_MAX_FRAME_BYTES)
    .describe('Largest frame, message or payload.'),
};

const waves = z.boolean().default(false).describe('Reads waves (OBX-2 NA), too. They are much, and the first to go when space runs out.');
const containment = z
  .boolean()
  .default(false)
  .describe('Tells the hub what devices are made of (OBX-4: parts, measurements, settings), once and at every change.');
const devices = z.array(deviceId).min(1).optional().describe('The devices this source takes; all unless told.');

const framing = z
  .enum(['mllp', 'none'])
  .default('mllp')
  .describe(
    'none: the sender puts no MLLP blocks around its messages. Each ends where the next begins, or with a line end and half a second of silence.',
  );
const ackTimeoutMs = milliseconds
  .default(MLLP_SERVER_DEFAULTS.ackTimeoutMs)
  .describe('How long a sender may leave its acknowledgements unread before it is cut.');

const mllpServer = z.strictObject({
  type: z.literal('mllp-server'),
  ...common,
  devices,
  profile: hl7Name().default('hl7-pcd01'),
  waves,
  containment,
  host: z.string().min(1).describe('The address to listen on. There is no default: name the one that the devices call.'),
  port: z.int().min(0).max(65_535),
  idleTimeoutMs: milliseconds.default(MLLP_SERVER_DEFAULTS.idleTimeoutMs).describe('Silence after which a connection is closed.'),
  ackTimeoutMs,
  framing,
  tls: z
    .strictObject({
      certFile: filePath.describe('Certificate that is shown to senders (PEM), with those between it and its authority.'),
      keyFile: filePath.describe('Its key (PEM), in a file of mode 0600.'),
      clientCaFile: filePath.optional().describe('Who must have issued the certificate of a sender (PEM); senders need none unless told.'),
    })
    .optional()
    .describe('Takes senders over TLS 1.2 or 1.3 only. The files are looked at every minute and read anew when they changed.'),
  maxConnections: z.int().min(1).max(10_000).default(MLLP_SERVER_DEFAULTS.maxConnections),
  maxConnectionsPerAddress: z.int().min(1).max(10_000).default(MLLP_SERVER_DEFAULTS.maxConnectionsPerAddress),
});

const mllpClient = z.strictObject({
  type: z.literal('mllp-client'),
  ...common,
  devices,
  profile: hl7Name(),
  waves,
  containment,
  host: z.string().min(1).describe('The device that waits to be called, or the central that speaks for several.'),
  port: z.int().min(1).max(65_535).optional().describe('The port that the manual of the device names, unless told.'),
  silenceMs: milliseconds
    .default(MLLP_CLIENT_DEFAULTS.silenceMs)
    .describe('Silence after which the device is called again; heartbeats count as life.'),
  ackTimeoutMs,
  framing,
  tls: z
    .strictObject({
      caFile: filePath.optional().describe('Who may have issued the certificate of the device (PEM); the public authorities unless told.'),
      certFile: filePath.optional().describe('Certificate of this agent (PEM).'),
      keyFile: filePath.optional().describe('Its key (PEM), in a file of mode 0600.'),
      servername: z.string().min(1).optional().describe("Name in the device's certificate, where it is not the host."),
    })
    .optional()
    .describe('Calls the device over TLS 1.2 or 1.3. The files are read anew at each call.'),
});

const serial = z.strictObject({
  type: z.literal('serial'),
  ...common,
  port: z
    .string()
    .refine((text) => parseLineAddress(text) !== undefined, 'expected /dev/serial/by-id/… or tcp://host:port')
    .describe('A terminal device, best by its name in /dev/serial/by-id, or a serial device server.'),
  profile: profileName('serial'),
  device: deviceId.optional().describe('Name of the device, for devices that do not say who they are.'),
  line: z
    .strictObject({
      baudRate: z.int().min(50).max(4_000_000),
      dataBits: z.literal([7, 8]),
      parity: z.enum(['none', 'even', 'odd']),
      stopBits: z.literal([1, 2]),
      flowControl: z.boolean().describe('RTS/CTS.'),
    })
    .partial()
    .prefault({})
    .describe('Settings of the line that differ from the manual of the device.'),
  silenceMs: milliseconds.default(SERIAL_DEFAULTS.silenceMs).describe('Silence after which the line is opened again.'),
});

const mqtt = z.strictObject({
  type: z.literal('mqtt'),
  ...common,
  devices,
  url: z.string().refine(isBrokerUrl, 'expected mqtt://host:port or mqtts://host:port, without user or password').describe('The broker.'),
  mapping: profileName('mqtt', isMappingFile).describe('Name of a built-in mapping, or path of a .yaml file of your own.'),
  protocolVersion: z.literal([4, 5]).default(4).describe('4 is MQTT 3.1.1.'),
  clientId: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .describe('Must stay the same; made from the identity and the name of the source unless told.'),
  usernameFile: filePath.optional().describe('File of mode 0600 with the user name at the broker.'),
  passwordFile: filePath.optional().describe('File of mode 0600 with the password at the broker.'),
  tls: z
    .strictObject({
      caFile: filePath.optional().describe('Who may have issued the certificate of the broker (PEM); the public authorities unless told.'),
      certFile: filePath.optional().describe('Certificate of this client (PEM).'),
      keyFile: filePath.optional().describe('Its key (PEM), in a file of mode 0600.'),
      servername: z.string().min(1).optional().describe("Name in the broker's certificate, where it is not the host."),
    })
    .optional(),
  keepaliveSec: z.int().min(5).max(3600).default(MQTT_DEFAULTS.keepaliveSec),
});

const agentConfig = z.strictObject({
  identity: filePath.optional().describe("The gateway's OpenZiti identity file (JSON, mode 0600); where there is a hub."),
  outbox: z
    .strictObject({
      path: filePath.describe('The encrypted SQLite file; made when it is not there.'),
      ...dataKeyConfig,
      limits: outboxLimitsConfig,
      thread: z
        .boolean()
        .default(false)
        .describe(
          'Whether it writes in a thread of its own, so that a disk that is slow to sync (an SD card) does not keep the agent from its devices. Takes some 18 MB, and more work a message.',
        ),
    })
    .superRefine(oneKey)
    .transform(withKeyFile),
  overlay: overlayConfig.optional().describe('The network in which the hub is.'),
  uplink: uplinkConfig,
  operator: operatorConfig,
  zone: zone.default('UTC').describe('IANA zone of device times that carry none.'),
  test: z.boolean().default(false).describe('Marks everything as test data (HTEST); cannot be taken off later.'),
  log: logConfig,
  clock: z
    .strictObject({
      mayStandStill: z
        .boolean()
        .optional()
        .describe(
          'Whether somebody may pause, save or move this machine without its knowing: then what it received before it knew the time is in doubt. Unless told, whether it is a virtual machine.',
        ),
    })
    .optional(),
  sources: z
    .array(z.discriminatedUnion('type', [mllpServer, mllpClient, serial, mqtt]))
    .min(1)
    .superRefine((sources, context) => {
      const seen = new Set<string>();
      const listening = new Set<string>();
      for (const [index, source] of sources.entries()) {
        if (seen.has(source.name))
          context.addIssue({ code: 'custom', path: [index, 'name'], message: 'expected a name that no other source has' });
        seen.add(source.name);
        // Port 0 is another one each time.
        const address = source.type === 'mllp-server' && source.port > 0 ? `${source.host} ${source.port}` : undefined;
        if (address !== undefined && listening.has(address))
          context.addIssue({ code: 'custom', path: [index, 'port'], message: 'expected a port at which no other source listens' });
        if (address !== undefined) listening.add(address);
        const tlsOnly = source.type === 'mqtt' && source.tls !== undefined && !source.url.startsWith('mqtts:');
        if (tlsOnly) context.addIssue({ code: 'custom', path: [index, 'tls'], message: 'expected only with an mqtts:// url' });
        if (source.type === 'mllp-server' || source.type === 'mllp-client') {
          const wrong = wrongRole(source);
          if (wrong) context.addIssue({ code: 'custom', path: [index, wrong.at], message: wrong.message });
        }
      }
    }),
});

/** Everything `agent.yaml` may say. Paths are relative to where the agent is started. */
export const agentConfigSchema = agentConfig.superRefine((config, context) => {
  const toHub = config.uplink.type !== 'fhir-server';
  for (const key of ['identity', 'overlay'] as const) {
    if (toHub === (config[key] !== undefined)) continue;
    const message = toHub ? `missing; expected ${key === 'identity' ? 'string' : 'object'}` : 'expected only with a hub';
    context.addIssue({ code: 'custom', path: [key], message });
  }
});

export type AgentConfig = z.infer<typeof agentConfigSchema>;
export type SourceConfig = AgentConfig['sources'][number];

/** Reads `agent.yaml`; `VITALMESH_AGENT__outbox__path` in the environment overrides `outbox.path`. Errors: CONFIG-*. */
export function loadAgentConfig(file: string, env: NodeJS.ProcessEnv = process.env): AgentConfig {
  return loadConfig(agentConfigSchema, file, { env, envPrefix: 'VITALMESH_AGENT' });
}

/** What the configuration of a source adds to its bytes. */
export function decodeContext({ zone: agentZone, test }: AgentConfig, source: SourceConfig): DecodeContext {
  return {
    source: source.name,
    zone: source.zone ?? agentZone,
    test: test || source.test === true,
    maxFrameBytes: source.maxFrameBytes,
    ...(source.patient && { patient: source.patient }),
    ...(source.bed !== undefined && { bed: source.bed }),
    ...(source.type === 'serial' && source.device !== undefined && { deviceId: source.device }),
    ...(source.type !== 'serial' && source.devices && { devices: source.devices }),
    ...((source.type === 'mllp-server' || source.type === 'mllp-client') && source.waves && { waves: true }),
    ...((source.type === 'mllp-server' || source.type === 'mllp-client') && source.containment && { containment: true }),
  };
}

/** The dialect of an HL7 profile that the schema accepted. */
function dialectOf(name: string): Dialect | undefined {
  const found = PROFILES.find((profile) => profile.name === name);
  return found?.kind === 'hl7' ? found.dialect : undefined;
}

/** Who calls whom is a matter of the device: the other way round nobody would ever speak. That of a dialect file is known when it was read. */
export function wrongRole(
  source: { type: 'mllp-server' | 'mllp-client'; profile: string; port?: number | undefined },
  connects: Dialect['connects'] | undefined = dialectOf(source.profile)?.connects,
): { at: 'type' | 'port'; message: string } | undefined {
  if (!connects) return undefined;
  const { senderCalls, senderListensAt } = connects;
  if (source.type === 'mllp-server') {
    return senderCalls ? undefined : { at: 'type', message: `expected mllp-client: a sender of ${source.profile} waits to be called` };
  }
  if (senderCalls && senderListensAt === undefined) {
    return { at: 'type', message: `expected mllp-server: a sender of ${source.profile} calls by itself` };
  }
  const isPortKnown = source.port !== undefined || senderListensAt !== undefined;
  return isPortKnown ? undefined : { at: 'port', message: `missing; ${source.profile} names no port of its own` };
}

/** The port that an MLLP client calls. */
export function clientPort({ port }: Extract<SourceConfig, { type: 'mllp-client' }>, { connects }: Dialect): number {
  return port ?? connects.senderListensAt ?? 0;
}

function identifierOf(maxLength: number) {
  const isOne = (text: string): boolean => identifier(text, maxLength) === text;
  return z.string().refine(isOne, `expected an identifier of 1 to ${maxLength} characters, without blanks at the ends`);
}

/** True for a mapping that is a file and no built-in one. */
export function isMappingFile(mapping: string): boolean {
  return /\.ya?ml$/.test(mapping);
}

/** The name of a profile of this kind, or something else that is `accepted`. */
function profileName(kind: Profile['kind'], accepted: (text: string) => boolean = () => false) {
  const names = PROFILES.filter((profile) => profile.kind === kind && !needsDictionary(profile)).map((profile) => profile.name);
  return z
    .string()
    .refine((text) => names.includes(text) || accepted(text), {
      error: ({ input }) => {
        if (PROFILES.some((profile) => profile.name === input && needsDictionary(profile)))
          return `expected the path of a dialect file (.yaml) with base: ${input}; its codes are those of your site`;
        const guess = typeof input === 'string' ? nearest(input, names) : undefined;
        return `expected one of ${names.join(', ')}${guess ? `; did you mean '${guess}'?` : ''}`;
      },
    })
    .describe(`How the bytes are read: ${names.join(', ')}.`);
}

/** The name of a dialect, or the path of a dialect file. */
function hl7Name() {
  const named = profileName('hl7', isMappingFile);
  return named.describe(`${named.description} Or path of a .yaml file of your own, for codes of a site.`);
}

function needsDictionary(profile: Profile): boolean {
  return profile.kind === 'hl7' && profile.dialect.dictionary === 'site';
}

function isBrokerUrl(text: string): boolean {
  if (!/^mqtts?:\/\//.test(text) || !URL.canParse(text)) return false;
  const { hostname, username, password, pathname, search, hash } = new URL(text);
  return hostname !== '' && username === '' && password === '' && search === '' && hash === '' && (pathname === '' || pathname === '/');
}
