import { line } from '../framing/line.ts';
import { defineTextDevice } from './text.ts';

/** `SPO2=097 HR=072`, `08:12:21 SPO2=--- HR=--- *`; a header block at power-up has no values and is passed over. */
export const noninAscii = defineTextDevice({
  name: 'nonin-ascii',
  vendor: 'Nonin',
  models: ['2500', '8500', '8600', '9600 Avant', '9847', 'BT4000'],
  protocol: 'real-time printout, one line a second',
  line: { baudRate: 9600, dataBits: 8, parity: 'none', stopBits: 1 },
  source: "Nonin operator's manuals, serial output",
  framing: line({ maxBytes: 128 }),
  class: 'continuous',
  clock: 'none',
  status: [],
  statusForms: {},
  readings: [
    { vital: 'spo2', key: 'SPO2', form: /^(\d{3})[*FB]*$/, missing: ['---', '---*'] },
    { vital: 'pr_oxi', key: 'HR', form: /^(\d{3})[*FB]*$/, missing: ['---', '---*'] },
  ],
  anchors: ['SPO2', 'HR'],
  unread: [],
  // Time of day without a date; event mark, fast mode, breath.
  words: /^(?:\d\d:\d\d:\d\d|[*FB]+)$/,
});
