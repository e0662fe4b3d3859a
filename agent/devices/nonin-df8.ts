import { fixedLength } from '../framing/fixed-length.ts';
import { defineDevice } from './binary.ts';

export const noninDf8 = defineDevice({
  name: 'nonin-df8',
  vendor: 'Nonin',
  models: ['3150', '9560'],
  protocol: 'serial data format 8, 4 bytes once a second',
  line: { baudRate: 9600, dataBits: 8, parity: 'none', stopBits: 1 },
  source: 'Nonin OEM III specification, serial data format 8; mdpnp NoninPulseOx',
  framing: fixedLength({ bytes: 4, syncBit: { byte: 0, bit: 7 } }),
  class: 'continuous',
  clock: 'none',
  status: [
    { byte: 0, bit: 5, means: 'out-of-track' },
    { byte: 0, bit: 4, means: 'low-perfusion' },
    { byte: 0, bit: 3, means: 'marginal-perfusion' },
    { byte: 0, bit: 2, means: 'artifact' },
    { byte: 3, bit: 5, means: 'smart-point' },
    { byte: 3, bit: 3, means: 'sensor-alarm' },
    { byte: 3, bit: 0, means: 'low-battery' },
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
