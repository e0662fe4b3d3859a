import { ROWS as PDS_ROWS } from '../agent/hl7/dialects/mindray-pds.ts';
import { ROWS as NK_ROWS } from '../agent/hl7/dialects/nihon-kohden.ts';

/** What a page says of one profile besides what the tables say. */
export interface ProfilePage {
  /** Name of the profile. */
  profile: string;
  title: string;
  /** What is to be set at the device, in order. */
  settings: readonly string[];
  /** The source, as `sources` of agent.yaml has it; a test reads it with the schema. */
  config: object;
  /**
   * What is read: all of MDC, all of MDIL, codes of the device with the key of the vital sign, or the vital signs alone where the format
   * names them in words.
   */
  reads:
    | 'mdc'
    | 'mdil'
    | 'movements'
    | 'site'
    | { codes: readonly (readonly [code: string, vital: string])[] }
    | { vitals: readonly string[] };
  /** Where the dialect says nothing of alarms, because it is none of HL7. */
  alarms?: string;
  /** Where the dialect says nothing of limits. */
  limits?: readonly string[];
}

/** Devices of one manufacturer, or of one standard: a page. */
export interface FamilyPage {
  file: string;
  title: string;
  /** For a nurse: what it is. */
  about: string;
  profiles: readonly ProfilePage[];
}

/** Address of the gateway and of a device in all examples (RFC 5737: addresses for documentation). */
const GATEWAY = '192.0.2.10';
const DEVICE = '192.0.2.40';
const NETWORK =
  'Gateway and monitors belong into a network of their own: the messages are in the clear unless `tls` is set, and whoever reaches the port can send.';
const SERIAL_LIMITS = [
  'The line says nothing about who the patient is: name the patient, or the bed, in the configuration, and change it when the patient changes.',
  'Nothing in the line says that it is a test: set `test: true` for its source when you try it.',
];
const NONIN_ALARMS =
  'Nothing of an alarm is read. What the oximeter says about its signal (sensor off, out of track, low perfusion, artifact) is kept with the value.';
const NONIN_LINE =
  'Connect the serial or USB port; a USB adapter is best named by /dev/serial/by-id, a serial device server by tcp://address:port.';

const calls = (profile: string, port = 2575): object => ({ type: 'mllp-server', name: 'monitors', host: GATEWAY, port, profile });

export const FAMILIES: readonly FamilyPage[] = [
  {
    file: 'pcd-01.md',
    title: 'Any sender of IHE PCD-01',
    about: 'Monitors and gateways that send vital signs in the common form of IHE (PCD-01, “DEC”), and alerts in that of PCD-04.',
    profiles: [
      {
        profile: 'hl7-pcd01',
        title: 'PCD-01 and PCD-04',
        settings: [
          'Let the device send ORU^R01 (PCD-01) to the address and port of the gateway, over MLLP.',
          'Ask for acknowledgements of every message (MSH-16 AL): only then does the device know that a value is safe.',
          'Set clock and time zone, or let the device write the zone into its times.',
          'Identify the patient (PID-3) and the bed (PV1-3) at the monitor: the hub decides by them whose values these are.',
          NETWORK,
        ],
        config: { ...calls('hl7-pcd01'), zone: 'Europe/Berlin' },
        reads: 'mdc',
      },
    ],
  },
  {
    file: 'ge.md',
    title: 'GE Healthcare',
    about: 'Bedside monitors of the B series that send for themselves, and GE’s sender of alerts.',
    profiles: [
      {
        profile: 'hl7-ge',
        title: 'B40, B105, B125; Mural alerts',
        settings: [
          'Turn on HL7 export at the monitor, and enter the address and port of the gateway: the monitor calls.',
          'The character set is UTF-8. Turn acknowledgements on, so that the monitor repeats what was not taken.',
          'The monitor writes its own time without a zone: set its clock, and the zone of the source below.',
          NETWORK,
        ],
        config: { ...calls('hl7-ge'), zone: 'Europe/Berlin' },
        reads: 'mdc',
      },
    ],
  },
  {
    file: 'mindray.md',
    title: 'Mindray',
    about:
      'Two ways lead to a Mindray monitor: through Mindray’s gateway, which sends PCD-01, or straight to the monitor by Patient Data Share.',
    profiles: [
      {
        profile: 'hl7-mindray-egateway',
        title: 'eGateway, VS 900',
        settings: [
          'Let the eGateway (or the VS 900) send results to the address and port of the gateway of Vitalmesh, over MLLP, HL7 2.6.',
          'A VS 900 writes its own time without a zone: set its clock, and the zone of the source below.',
          NETWORK,
        ],
        config: { ...calls('hl7-mindray-egateway'), zone: 'Asia/Kolkata' },
        reads: 'mdc',
      },
      {
        profile: 'hl7-mindray-pds',
        title: 'Patient Data Share',
        settings: [
          'The monitor listens at TCP port 4601; the gateway calls it. Turn Patient Data Share on, where the monitor asks for it.',
          'Set the units to mmHg and degrees Celsius: the messages do not say them.',
          'Set the clock of the monitor. Values come without a time, and count as of when they were received; cuff pressures have their own.',
          'Type in the patient number at the monitor at every admission: message 103 tells it.',
          NETWORK,
        ],
        config: {
          ...{ type: 'mllp-client', name: 'bed-1', host: DEVICE, port: 4601 },
          ...{ profile: 'hl7-mindray-pds', bed: 'BED-1', zone: 'Europe/Berlin' },
        },
        reads: {
          codes: PDS_ROWS.map(({ code, module, texts, vital }) => [
            `${code}${texts ? ` ${texts.join(' or ')}` : ''}, module ${module}`,
            vital,
          ]),
        },
      },
    ],
  },
  {
    file: 'philips.md',
    title: 'Philips',
    about:
      'The Information Center of IntelliVue monitors, which speaks for a whole ward, and Efficia monitors, which speak for themselves.',
    profiles: [
      {
        profile: 'hl7-philips-iic',
        title: 'IntelliVue Information Center',
        settings: [
          'Let the HL7 export of the Information Center send to the address and port of the gateway: the centre calls.',
          'Let it send codes (MDIL), not labels alone; the character set is 8859/1.',
          'Labels of temperatures that the user chose (T1, T2) say no place: choose named ones (Tcore, Trect) at the monitor where they are true.',
          NETWORK,
        ],
        config: { ...calls('hl7-philips-iic'), zone: 'Europe/Berlin' },
        reads: 'mdil',
      },
      {
        profile: 'hl7-philips-efficia',
        title: 'Efficia CM series',
        settings: [
          'Connect the monitor by LAN or WLAN. Turn on HL7 export (version 2.4), and enter the address and port of the gateway: the monitor calls.',
          'The monitor sends a record each minute, and sends again what was not acknowledged.',
          NETWORK,
        ],
        config: { ...calls('hl7-philips-efficia', 4202), bed: 'BED-1', zone: 'Europe/Berlin' },
        reads: 'mdil',
      },
    ],
  },
  {
    file: 'nihon-kohden.md',
    title: 'Nihon Kohden',
    about: 'Central and bedside monitors that wait for a connection and then send by themselves.',
    profiles: [
      {
        profile: 'hl7-nihon-kohden',
        title: 'CNS-6201, BSM and PVM series',
        settings: [
          'The monitor listens at TCP port 7998; the gateway calls it. Allow the address of the gateway, where the monitor asks for it.',
          'The character set is ASCII, version 2.4.',
          'The monitor writes its own time without a zone: set its clock, and the zone of the source below.',
          NETWORK,
        ],
        config: {
          ...{ type: 'mllp-client', name: 'central', host: DEVICE, port: 7998, profile: 'hl7-nihon-kohden' },
          ...{ zone: 'Asia/Tokyo' },
        },
        reads: { codes: NK_ROWS },
      },
    ],
  },
  {
    file: 'capsule.md',
    title: 'Capsule',
    about: 'A server that collects many devices and numbers what they measure, as each hospital has set it up.',
    profiles: [
      {
        profile: 'hl7-capsule',
        title: 'DataCaptor',
        settings: [
          'Let the server send ORU^R01 to the address and port of the gateway.',
          'Ask whoever set up DataCaptor for the list of streams and units, and write it into a dialect file: agent/hl7/dialects/example-site.yaml is one to copy.',
          'Let somebody who knows the devices check each line of that file: a wrong line is a wrong vital sign.',
          NETWORK,
        ],
        config: { ...calls('/etc/vitalmesh/site.yaml'), zone: 'Europe/London' },
        reads: 'site',
      },
    ],
  },
  {
    file: 'other-hl7.md',
    title: 'Other senders of HL7 v2',
    about: 'Any sender of ORU^R01 that has codes of its own. Nothing is guessed: every code that is to be read stands in a file.',
    profiles: [
      {
        profile: 'hl7-generic',
        title: 'By a dialect file',
        settings: [
          'Let the device send ORU^R01 to the address and port of the gateway, over MLLP; with `framing: none` for senders that put no blocks around their messages.',
          'Write each code, with the manual in hand, into a dialect file with `base: hl7-generic`.',
          NETWORK,
        ],
        config: { ...calls('/etc/vitalmesh/site.yaml'), zone: 'Europe/Berlin' },
        reads: 'site',
      },
    ],
  },
  {
    file: 'continua.md',
    title: 'Home hubs of the Continua guidelines',
    about: 'A hub in somebody’s home that collects a scale, a cuff, an oximeter or a thermometer and sends what they measured.',
    profiles: [
      {
        profile: 'hl7-continua-wan',
        title: 'Continua WAN',
        settings: [
          'Let the hub send PCD-01 to the address and port of the gateway, over MLLP. Web services (SOAP) are not taken.',
          'Register the patient at the hub: PID-3 names whose measurements these are.',
          NETWORK,
        ],
        config: calls('hl7-continua-wan'),
        reads: 'mdc',
      },
    ],
  },
  {
    file: 'adt.md',
    title: 'Admissions, transfers and discharges',
    about: 'The feed of the hospital’s patient administration: who lies where. It has no vital signs.',
    profiles: [
      {
        profile: 'hl7-adt',
        title: 'ADT feed',
        settings: [
          'Let the interface engine send ADT messages to the address and port of the gateway, over MLLP, every message acknowledged, in order.',
          'Let it keep what was not acknowledged and send it again: a movement that is lost leaves a patient in the wrong bed.',
          'The registry of the hub must list this gateway as one that may tell of movements (`movements: true`).',
          NETWORK,
        ],
        config: { ...calls('hl7-adt', 2576), name: 'adt', zone: 'Europe/Berlin' },
        reads: 'movements',
      },
    ],
  },
  {
    file: 'nonin.md',
    title: 'Nonin',
    about: 'Finger and tabletop oximeters on a serial line or USB.',
    profiles: [
      {
        profile: 'nonin-ascii',
        title: 'Real-time printout',
        settings: ['Choose the real-time printout at models that have several outputs.', NONIN_LINE],
        config: {
          type: 'serial',
          name: 'oximeter',
          port: '/dev/serial/by-id/usb-nonin',
          profile: 'nonin-ascii',
          device: 'NONIN-1',
          bed: 'BED-1',
        },
        reads: { vitals: ['spo2', 'pr_oxi'] },
        alarms: NONIN_ALARMS,
        limits: SERIAL_LIMITS,
      },
      {
        profile: 'nonin-df1',
        title: 'Serial data format 1',
        settings: ['Choose serial data format 1.', NONIN_LINE],
        config: {
          type: 'serial',
          name: 'oximeter',
          port: '/dev/serial/by-id/usb-nonin',
          profile: 'nonin-df1',
          device: 'NONIN-1',
          bed: 'BED-1',
        },
        reads: { vitals: ['spo2', 'pr_oxi'] },
        alarms: NONIN_ALARMS,
        limits: SERIAL_LIMITS,
      },
      {
        profile: 'nonin-df8',
        title: 'Serial data format 8',
        settings: ['Choose serial data format 8.', NONIN_LINE],
        config: { type: 'serial', name: 'oximeter', port: `tcp://${DEVICE}:4001`, profile: 'nonin-df8', device: 'NONIN-1', bed: 'BED-1' },
        reads: { vitals: ['spo2', 'pr_oxi'] },
        alarms: NONIN_ALARMS,
        limits: SERIAL_LIMITS,
      },
    ],
  },
  {
    file: 'masimo.md',
    title: 'Masimo',
    about: 'Oximeters with a serial port.',
    profiles: [
      {
        profile: 'masimo-ascii1',
        title: 'Rad-8, Radical-7',
        settings: [
          'In setup level 4 choose the serial output ASCII 1; the factory setting is ASCII 2, which sends nothing by itself.',
          'Set the clock: the line has a date and time without a zone.',
          'Connect the serial port by an adapter, or by a serial device server.',
        ],
        config: {
          ...{ type: 'serial', name: 'masimo', port: `tcp://${DEVICE}:4001`, profile: 'masimo-ascii1' },
          ...{ bed: 'BED-5', zone: 'Europe/Berlin' },
        },
        reads: { vitals: ['spo2', 'pr_oxi', 'pi'] },
        alarms:
          'That a limit of the oximeter is passed comes as a mark on the value (limit-alarm), and not as an alert. Whether it sounds or is silenced is not read.',
        limits: [...SERIAL_LIMITS, 'Carboxyhaemoglobin, methaemoglobin, haemoglobin and the pleth variability index are not read.'],
      },
    ],
  },
  {
    file: 'home-hub.md',
    title: 'Home hub over MQTT',
    about: 'A hub in somebody’s home that publishes what a cuff, a scale and an oximeter measured.',
    profiles: [
      {
        profile: 'mqtt-home-hub',
        title: 'JSON over MQTT',
        settings: [
          'The hub publishes one JSON object a measurement to home/HUB/DEVICE/measurement, QoS 1, not retained; agent/mappings/home-hub.yaml describes each field.',
          'For a hub with other fields copy that file and name your own in `mapping`.',
          'Use mqtts:// with a user of its own at the broker.',
        ],
        config: { type: 'mqtt', name: 'home-hub', url: 'mqtts://broker.example:8883', mapping: 'mqtt-home-hub' },
        reads: { vitals: ['nibp_s', 'nibp_d', 'nibp_m', 'pr_nibp', 'weight', 'spo2', 'pr_oxi', 'pi'] },
        alarms: 'Nothing is said about alarms: no alarm is shown for a device of this kind, whatever it sounds.',
        limits: [
          'A weight without a unit is refused; a pressure without one is taken as mmHg and marked.',
          'No simulator: a broker is needed. `npm run demo` runs one.',
        ],
      },
    ],
  },
];
