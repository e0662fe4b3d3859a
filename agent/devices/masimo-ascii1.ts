import { line } from '../framing/line.ts';
import { defineTextDevice } from './text.ts';

/** `02/22/16 22:47:45 SN=0000056661 SPO2=098% BPM=097 PI=03.60% … ALARM=0000 EXC=000800`. The device must be set to ASCII 1 (setup level 4). */
export const masimoAscii1 = defineTextDevice({
  name: 'masimo-ascii1',
  vendor: 'Masimo',
  models: ['Rad-8', 'Radical-7'],
  protocol: 'serial ASCII 1, one line a second',
  line: { baudRate: 9600, dataBits: 8, parity: 'none', stopBits: 1 },
  source: "Masimo Rad-8 operator's manual, serial interface; ALARM bits as observed",
  framing: line({ maxBytes: 512 }),
  class: 'continuous',
  clock: { stamp: 'MM/DD/YY HH:mm:ss' },
  serial: { key: 'SN', form: /^\d{10}$/ },
  status: [
    { key: 'EXC', mask: 0x001, means: 'sensor-off' }, // no sensor
    { key: 'EXC', mask: 0x002, means: 'sensor-fault' }, // sensor defective
    { key: 'EXC', mask: 0x004, means: 'low-perfusion' },
    { key: 'EXC', mask: 0x008, means: 'pulse-search' },
    { key: 'EXC', mask: 0x010, means: 'interference' },
    { key: 'EXC', mask: 0x020, means: 'sensor-off' },
    { key: 'EXC', mask: 0x040, means: 'interference' }, // ambient light
    { key: 'EXC', mask: 0x080, means: 'sensor-fault' }, // sensor not recognised
    { key: 'EXC', mask: 0x400, means: 'low-signal-quality' },
    { key: 'EXC', mask: 0x800, means: 'normal' }, // SET mode
    { key: 'ALARM', mask: 0x01, means: 'limit-alarm', of: ['spo2'] }, // high
    { key: 'ALARM', mask: 0x02, means: 'limit-alarm', of: ['spo2'] }, // low
    { key: 'ALARM', mask: 0x04, means: 'limit-alarm', of: ['pr_oxi'] }, // high
    { key: 'ALARM', mask: 0x08, means: 'limit-alarm', of: ['pr_oxi'] }, // low
  ],
  // Six digits of EXC and four of ALARM; newer models send more.
  statusForms: {
    EXC: { form: /^[0-9A-F]{6,8}$/, required: true },
    ALARM: { form: /^[0-9A-F]{4,6}$/, required: false },
  },
  readings: [
    { vital: 'spo2', key: 'SPO2', form: /^(\d{3})%$/, missing: ['---%'] },
    { vital: 'pr_oxi', key: 'BPM', form: /^(\d{3})$/, missing: ['---'] },
    { vital: 'pi', key: 'PI', form: /^(\d{2}\.\d{2})%?$/, missing: ['--.--%', '--.--'] },
  ],
  anchors: ['SPO2', 'BPM'],
  unread: ['SPCO', 'SPMET', 'SPHB', 'SPOC', 'PVI', 'DESAT', 'PIDELTA', 'RESVD', 'EXC1'],
});
