import { VitalmeshError } from '../../shared/errors.ts';
import { type AgentConfig, clientPort, decodeContext, isMappingFile, type SourceConfig, wrongRole } from '../config.ts';
import type { DecodeContext, Hl7Profile, MqttProfile, SerialProfile } from '../decoding.ts';
import { loadDialect } from '../hl7/dialect-file.ts';
import { hl7Profile } from '../hl7/read.ts';
import { loadMapping } from '../mappings/mapping.ts';
import { mappingProfile } from '../mappings/profile.ts';
import { profile } from '../profiles.ts';
import { hl7Stream } from './hl7-stream.ts';
import { parseLineAddress } from './line.ts';
import { createMllpClient, MLLP_CLIENT_DEFAULTS } from './mllp-client.ts';
import { createMllpServer, MLLP_SERVER_DEFAULTS, TLS_LISTENER_DEFAULTS } from './mllp-server.ts';
import { createMqtt, MQTT_DEFAULTS, type MqttOptions, type MqttTls } from './mqtt.ts';
import { readSecretFile } from './secret-file.ts';
import { createSerial, SERIAL_DEFAULTS } from './serial.ts';
import type { Source, SourceEnvironment } from './source.ts';
import { readText, readTls } from './tls.ts';

/** A source whose configuration and files are known to be good. */
export type PreparedSource = (environment: SourceEnvironment) => Source;

type Configured<T extends SourceConfig['type']> = Extract<SourceConfig, { type: T }>;

/**
 * Reads everything that a source names (profile, mapping, credentials) and says how to make it. `gateway` is the overlay identity
 * id, part of the MQTT client id. Throws DECODE-PROFILE, MAPPING-INVALID, SOURCE-CREDENTIALS, SOURCE-CERTIFICATE, CONFIG-UNREADABLE.
 */
export function prepareSource(config: AgentConfig, source: SourceConfig, gateway: string): PreparedSource {
  const context = decodeContext(config, source);
  switch (source.type) {
    case 'mllp-server':
      return prepareMllpServer(source, context);
    case 'mllp-client':
      return prepareMllpClient(source, context);
    case 'serial':
      return prepareSerial(source, context);
    case 'mqtt':
      return prepareMqtt(source, context, gateway);
  }
}

function prepareMllpServer(source: Configured<'mllp-server'>, context: DecodeContext): PreparedSource {
  const { name, host, port, idleTimeoutMs, ackTimeoutMs, maxConnections, maxConnectionsPerAddress, framing } = source;
  const dialect = hl7ProfileOf(source);
  const files = source.tls && { certFile: source.tls.certFile, keyFile: source.tls.keyFile, caFile: source.tls.clientCaFile };
  if (files) readTls(files);
  const options = {
    ...MLLP_SERVER_DEFAULTS,
    ...{ name, host, port, idleTimeoutMs, ackTimeoutMs, maxConnections, maxConnectionsPerAddress },
    ...roomFor(source.maxFrameBytes),
    ...(files && { tls: { ...TLS_LISTENER_DEFAULTS, files } }),
  };
  return (environment) => createMllpServer({ ...options, decoder: () => hl7Stream(dialect, context, framing) }, environment);
}

function prepareMllpClient(source: Configured<'mllp-client'>, context: DecodeContext): PreparedSource {
  const { name, host, silenceMs, ackTimeoutMs, framing } = source;
  const dialect = hl7ProfileOf(source);
  const { servername, ...files } = source.tls ?? {};
  if (source.tls) readTls(files);
  const options = {
    ...MLLP_CLIENT_DEFAULTS,
    ...{ name, host, port: clientPort(source, dialect.dialect), silenceMs, ackTimeoutMs },
    ...roomFor(source.maxFrameBytes),
    ...(source.tls && { tls: { files, ...(servername !== undefined && { servername }) } }),
  };
  return (environment) => createMllpClient({ ...options, decoder: () => hl7Stream(dialect, context, framing) }, environment);
}

/** The dialect of a source, by its name or out of a file. Throws CONFIG-INVALID where who calls whom does not fit a dialect file. */
function hl7ProfileOf(source: Configured<'mllp-server' | 'mllp-client'>): Hl7Profile {
  if (!isMappingFile(source.profile)) return profile(source.profile) as Hl7Profile;
  const found = hl7Profile(loadDialect(source.profile));
  const wrong = wrongRole(source, found.dialect.connects);
  if (wrong) throw new VitalmeshError('CONFIG-INVALID', { detail: `sources: ${source.name}: ${wrong.at}: ${wrong.message}` });
  return found;
}

/** A few messages of the largest size that is allowed must fit. */
function roomFor(maxFrameBytes: number): { maxNoiseBytes: number; maxHeldBytes: number } {
  return {
    maxNoiseBytes: Math.max(MLLP_SERVER_DEFAULTS.maxNoiseBytes, 4 * maxFrameBytes),
    maxHeldBytes: Math.max(MLLP_SERVER_DEFAULTS.maxHeldBytes, 4 * maxFrameBytes),
  };
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
