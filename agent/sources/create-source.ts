import { readFileSync } from 'node:fs';
import { VitalmeshError } from '../../shared/errors.ts';
import { type AgentConfig, decodeContext, isMappingFile, type SourceConfig } from '../config.ts';
import type { DecodeContext, Hl7Profile, MqttProfile, SerialProfile } from '../decoding.ts';
import { loadMapping } from '../mappings/mapping.ts';
import { mappingProfile } from '../mappings/profile.ts';
import { profile } from '../profiles.ts';
import { hl7Stream } from './hl7-stream.ts';
import { parseLineAddress } from './line.ts';
import { createMllpServer, MLLP_SERVER_DEFAULTS } from './mllp-server.ts';
import { createMqtt, MQTT_DEFAULTS, type MqttOptions, type MqttTls } from './mqtt.ts';
import { readSecretFile } from './secret-file.ts';
import { createSerial, SERIAL_DEFAULTS } from './serial.ts';
import type { Source, SourceEnvironment } from './source.ts';

/** A source whose configuration and files are known to be good. */
export type PreparedSource = (environment: SourceEnvironment) => Source;

type Configured<T extends SourceConfig['type']> = Extract<SourceConfig, { type: T }>;

/**
 * Reads everything that a source names (profile, mapping, credentials) and says how to make it. `gateway` is the overlay identity
 * id, part of the MQTT client id. Throws DECODE-PROFILE, MAPPING-INVALID, SOURCE-CREDENTIALS, CONFIG-UNREADABLE.
 */
export function prepareSource(config: AgentConfig, source: SourceConfig, gateway: string): PreparedSource {
  const context = decodeContext(config, source);
  switch (source.type) {
    case 'mllp-server':
      return prepareMllpServer(source, context);
    case 'serial':
      return prepareSerial(source, context);
    case 'mqtt':
      return prepareMqtt(source, context, gateway);
  }
}

function prepareMllpServer(source: Configured<'mllp-server'>, context: DecodeContext): PreparedSource {
  const { name, host, port, idleTimeoutMs, ackTimeoutMs, maxConnections, maxConnectionsPerAddress } = source;
  const dialect = profile(source.profile) as Hl7Profile;
  const options = {
    ...MLLP_SERVER_DEFAULTS,
    ...{ name, host, port, idleTimeoutMs, ackTimeoutMs, maxConnections, maxConnectionsPerAddress },
    // A few messages of the largest size that is allowed must fit.
    maxNoiseBytes: Math.max(MLLP_SERVER_DEFAULTS.maxNoiseBytes, 4 * source.maxFrameBytes),
    maxHeldBytes: Math.max(MLLP_SERVER_DEFAULTS.maxHeldBytes, 4 * source.maxFrameBytes),
  };
  return (environment) => createMllpServer({ ...options, decoder: () => hl7Stream(dialect, context) }, environment);
}

function prepareSerial(source: Configured<'serial'>, context: DecodeContext): PreparedSource {
  const { name, port, silenceMs } = source;
  const device = profile(source.profile) as SerialProfile;
  const address = parseLineAddress(port);
  if (!address) throw new VitalmeshError('CONFIG-INVALID', { detail: `sources: ${name}: port` });
  const options = { ...SERIAL_DEFAULTS, name, endpoint: port, address, silenceMs, line: { ...device.line, ...source.line } };
  return (environment) => createSerial({ ...options, decoder: () => device.decoder(context) }, environment);
}

function prepareMqtt(source: Configured<'mqtt'>, context: DecodeContext, gateway: string): PreparedSource {
  const { name, protocolVersion, keepaliveSec, usernameFile, passwordFile, maxFrameBytes } = source;
  const mapping = isMappingFile(source.mapping) ? mappingProfile(loadMapping(source.mapping)) : (profile(source.mapping) as MqttProfile);
  const { hostname, port, protocol } = new URL(source.url);
  const secure = protocol === 'mqtts:';
  const options: MqttOptions = {
    ...MQTT_DEFAULTS,
    name,
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? (secure ? 8883 : 1883) : Number(port),
    ...(secure && { tls: tlsOf(source.tls ?? {}) }),
    clientId: source.clientId ?? `vitalmesh-${gateway}-${name}`,
    protocolVersion,
    keepaliveSec,
    maxFrameBytes,
    credentials: {
      ...(usernameFile !== undefined && { username: readSecretFile(usernameFile) }),
      ...(passwordFile !== undefined && { password: readSecretFile(passwordFile) }),
    },
    filters: [mapping.topicFilter],
    keepSession: mapping.timed,
    decode: (topic, payload, receivedAt) => mapping.decodePayload(topic, payload, receivedAt, context),
  };
  return (environment) => createMqtt(options, environment);
}

function tlsOf({ caFile, certFile, keyFile, servername }: NonNullable<Configured<'mqtt'>['tls']>): MqttTls {
  return {
    ...(caFile !== undefined && { ca: readText(caFile) }),
    ...(certFile !== undefined && { cert: readText(certFile) }),
    ...(keyFile !== undefined && { key: readSecretFile(keyFile) }),
    ...(servername !== undefined && { servername }),
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new VitalmeshError('CONFIG-UNREADABLE', { detail: `${path} (${(cause as NodeJS.ErrnoException).code ?? 'unreadable'})`, cause });
  }
}
