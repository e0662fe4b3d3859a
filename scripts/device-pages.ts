import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Profile } from '../agent/decoding.ts';
import { profile } from '../agent/profiles.ts';
import { listensAt, SIMULATORS } from '../agent/simulate/index.ts';
import { MOVEMENTS } from '../shared/movement.ts';
import { VITALS, type Vital, vital } from '../shared/vitals.ts';
import { FAMILIES, type FamilyPage, type ProfilePage } from './device-families.ts';

const HEAD =
  '<!-- Made by `npm run docs` out of the tables of the product and scripts/device-families.ts. Change those, not this file. -->';
const DISCLAIMER =
  'Vitalmesh is not a medical device and not an alarm system. It shows what devices say, late when a network is slow, and not at all when one is cut. Look at the patient and at the monitor; answer alarms where they sound.';
/** Partition of measurements; other partitions are private or no measurements (IEEE 11073-10101). */
const SCADA = 2;
const PARTITION = 65_536;

/** Every page, by its name below docs/devices. */
export function devicePages(): Map<string, string> {
  return new Map([['README.md', index()], ...FAMILIES.map((family): [string, string] => [family.file, page(family)])]);
}

function index(): string {
  const rows = FAMILIES.flatMap(({ file, title, profiles }) =>
    profiles.map((of) => [
      `[${title}](${file})`,
      of.title,
      `\`${of.profile}\``,
      connectsIn(profile(of.profile), of),
      alarmsIn(profile(of.profile)),
    ]),
  );
  return text(
    HEAD,
    '# Devices',
    DISCLAIMER,
    table(['Page', 'Devices', 'Profile', 'Connection', 'Alarms'], rows),
    '`npx vitalmesh-agent decode --list` shows the same; `npx vitalmesh-agent simulate --list` names the devices that can be simulated, and the mistakes that they can make.',
  );
}

function page({ title, about, profiles }: FamilyPage): string {
  return text(HEAD, `# ${title}`, about, `**${DISCLAIMER}**`, ...profiles.flatMap(section));
}

function section(of: ProfilePage): string[] {
  const known = profile(of.profile);
  return [
    `## ${of.title}`,
    table(
      ['', ''],
      [
        ['Profile', `\`${known.name}\``],
        ['Vendor', known.vendor],
        ['Models', known.models.join('; ')],
        ['Protocol', known.protocol],
        ['Written down in', known.source],
        ['Connection', connectsIn(known, of)],
      ],
    ),
    '### Settings at the device',
    list(of.settings),
    '### Configuration of the gateway',
    'One entry of `sources` in `agent.yaml`; `npx vitalmesh-agent check --config agent.yaml` checks it.',
    `\`\`\`yaml\n${stringify({ sources: [of.config] }).trimEnd()}\n\`\`\``,
    ...tls(of),
    '### What is read',
    ...reads(of),
    '### What it says about alarms',
    ...alarms(known, of),
    '### Limits',
    list([
      ...limitsOf(known, of),
      'A code, unit or form that is not in the tables is refused with its reason and kept; nothing is mapped by likeness.',
    ]),
    '### Try it',
    ...tryIt(known, of),
  ];
}

function tls({ config }: ProfilePage): string[] {
  const { type } = config as { type: string };
  if (type === 'mllp-server')
    return [
      'Where the device can do TLS, besides: `tls: { certFile: gateway.pem, keyFile: gateway.key }`; with `clientCaFile: devices-ca.pem` in it, only devices with a certificate of that authority are taken.',
    ];
  if (type === 'mllp-client')
    return [
      'Where the device can do TLS, besides: `tls: { caFile: device-ca.pem }`; with `certFile` and `keyFile` in it, the gateway shows a certificate of its own.',
    ];
  return [];
}

function reads({ reads: what, profile: name }: ProfilePage): string[] {
  if (what === 'movements')
    return [
      table(
        ['Event', 'What happens'],
        Object.entries(MOVEMENTS).map(([event, kind]) => [event, kind]),
      ),
      'Other ADT events are answered, counted and left aside.',
    ];
  if (what === 'site')
    return ['What the dialect file of your site lists, and nothing else.', ...(name === 'hl7-generic' ? keys() : [KEYS_ELSEWHERE])];
  const columns = ['The device says', 'Vital sign', 'Unit'];
  if (what === 'mdc')
    return [
      'Codes of IEEE 11073-10101 (MDC), in OBX-3:',
      table(
        columns,
        mdcCodes().map(([{ code, refid }, row]) => vitalRow(`${code} ${refid}`, row)),
      ),
    ];
  if (what === 'mdil') {
    const codes = mdcCodes().filter(([{ code }]) => Math.floor(code / PARTITION) === SCADA);
    return [
      'Codes of MDIL, which are those of MDC in hexadecimal, in OBX-3; 0002-5000 is taken for the respiratory rate, as Philips sends it:',
      table(
        columns,
        codes.map(([{ code, refid }, row]) => vitalRow(`${mdil(code)} ${refid}`, row)),
      ),
    ];
  }
  if ('codes' in what)
    return [
      table(
        columns,
        what.codes.map(([code, key]) => vitalRow(code, known(key))),
      ),
    ];
  return [
    table(
      columns.slice(1),
      what.vitals.map((key) => vitalRow('', known(key)).slice(1)),
    ),
  ];
}

const KEYS_ELSEWHERE =
  'The keys of vital signs and waves, by which it names them, are on the page of [other senders](other-hl7.md#what-is-read).';

/** What a dialect file can name. */
function keys(): string[] {
  return [
    'The file names a vital sign, a setting or a wave (`w_…`) by its key:',
    table(
      ['Key', 'Name', 'Unit'],
      VITALS.filter(({ panel }) => !panel).map(({ key, name, ucum, class: kind }) => [
        `\`${key}\``,
        `${name}${kind === 'setting' ? ', a setting' : ''}`,
        `\`${ucum}\``,
      ]),
    ),
  ];
}

/** A code under which a vital sign is taken; the reference id is that of the row's own code. */
interface MdcCode {
  code: number;
  refid: string;
}

/** Every code of MDC that is read, and those that some vendors use for the same quantity. */
export function mdcCodes(): [mdc: MdcCode, row: Vital][] {
  return VITALS.filter((row) => !row.panel && row.class !== 'waveform')
    .flatMap((row): [MdcCode, Vital][] => [
      ...(row.mdc ? [[row.mdc, row] satisfies [MdcCode, Vital]] : []),
      ...(row.inputMdc ?? []).map((code): [MdcCode, Vital] => [{ code, refid: '(taken for the same)' }, row]),
    ])
    .sort(([a], [b]) => a.code - b.code);
}

/** MDC as MDIL writes it: 150456 is 0002-4bb8. */
export function mdil(code: number): string {
  const hex = (part: number): string => part.toString(16).padStart(4, '0');
  return `${hex(Math.floor(code / PARTITION))}-${hex(code % PARTITION)}`;
}

function known(key: string): Vital {
  const row = vital(key);
  if (!row) throw new RangeError(`no such vital sign: ${key}`);
  return row;
}

function vitalRow(code: string, { name, key, ucum, class: kind }: Vital): string[] {
  return [code, `${name} (\`${key}\`)${kind === 'setting' ? ', a setting' : ''}`, `\`${ucum}\``];
}

function alarms(known: Profile, of: ProfilePage): string[] {
  if (known.kind !== 'hl7') return [of.alarms ?? ''];
  const { form, says, limits } = known.dialect.alarms;
  const said =
    form === 'none'
      ? '**Nothing. Silence here is no calm.**'
      : `Alerts, ${form === 'vendor' ? 'in the form of the vendor' : `as ${form}`}: ${says.join(', ')}. They are passed on, never raised here.`;
  return [said, limits];
}

function limitsOf(known: Profile, of: ProfilePage): readonly string[] {
  return [...(known.kind === 'hl7' ? (known.dialect.limits ?? []) : []), ...(of.limits ?? [])];
}

function connectsIn(known: Profile, { config }: ProfilePage): string {
  if (known.kind === 'serial') return 'the gateway reads the line, and says nothing on it';
  if (known.kind === 'mqtt') return 'the gateway subscribes at the broker of the hub';
  const { senderCalls, senderListensAt } = known.dialect.connects;
  if ((config as { type: string }).type === 'mllp-client' || !senderCalls)
    return `the gateway calls the device, port ${senderListensAt ?? 'as set there'}`;
  return 'the device calls the gateway, at the port of the source';
}

function alarmsIn(known: Profile): string {
  if (known.kind !== 'hl7' || known.dialect.alarms.form === 'none') return 'says nothing';
  return known.dialect.alarms.form === 'vendor' ? 'in its own form' : known.dialect.alarms.form;
}

const SIMULATED_ZONE =
  'The simulated device writes its times in UTC, without a zone: give the source `zone: UTC` for the trial, or they are read hours off.';

function tryIt(known: Profile, { config }: ProfilePage): string[] {
  const simulator = SIMULATORS.find((candidate) => candidate.profile === known.name);
  const { port = 0 } = config as { port?: number };
  const file = (config as { profile?: string }).profile;
  const decode = `To see what is made of recorded bytes:\n\n\`\`\`sh\nnpx vitalmesh-agent decode --profile ${file ?? known.name} < recorded.bin\n\`\`\``;
  if (!simulator) return [decode];
  const listens = listensAt(simulator);
  const where = listens === undefined ? `--to 127.0.0.1:${port}` : `--listen 127.0.0.1:${listens === 0 ? 4001 : listens}`;
  const assumed = simulator.kind === 'hl7' && simulator.assumed !== undefined ? [`Assumed in the simulation: ${simulator.assumed}`] : [];
  return [
    `${simulator.device.charAt(0).toUpperCase()}${simulator.device.slice(1)}, simulated; \`--fault NAME\` lets it make mistakes:`,
    `\`\`\`sh\nnpx vitalmesh-agent simulate ${known.name} ${where}\n\`\`\``,
    ...assumed,
    ...(simulator.kind === 'hl7' && simulator.zoneless ? [SIMULATED_ZONE] : []),
    decode,
  ];
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(columns), `|${columns.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

function list(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join('\n');
}

function text(...parts: readonly string[]): string {
  return `${parts.join('\n\n')}\n`;
}

if (import.meta.main) {
  const folder = join(import.meta.dirname, '..', 'docs', 'devices');
  mkdirSync(folder, { recursive: true });
  for (const [file, content] of devicePages()) writeFileSync(join(folder, file), content);
}
