import { fixedLength } from '../framing/fixed-length.ts';
import { defineDevice } from './binary.ts';

export const noninDf1 = defineDevice({
  name: 'nonin-df1',
  vendor: 'Nonin',
  models: ['3150', '8500', '9600'],
  protocol: 'serial data format 1, 3 bytes once a second',
  line: { baudRate: 9600, dataBits: 8, parity: 'none', stopBits: 1 },
  source: 'Nonin OEM III specification, serial data format 1',
  framing: fixedLength({ bytes: 3, syncBit: { byte: 0, bit: 7 } }),
  class: 'continuous',
  clock: 'none',
  status: [
    { byte: 0, bit: 6, means: 'sensor-off' },
    { byte: 0, bit: 5, means: 'out-of-track' },
    { byte: 0, bit: 4, means: 'low-perfusion' },
    { byte: 0, bit: 3, means: 'marginal-perfusion' },
    { byte: 0, bit: 2, means: 'artifact' },
  ],
  readings: [
    {
      vital: 'pr_oxi',
      bits: [
        [0, 1, 0],
        [1, 6, 0],
      ],
      missing: 511,
    },
    { vital: 'spo2', byte: 2, missing: 127 },
  ],
});
