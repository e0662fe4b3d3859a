/** Segments of an ORU^R01, and of a batch around it, that say nothing about a vital sign (HL7 v2.8 ch. 7.3.1, 2.15). */
const LEFT_ASIDE = new Set(
  'SFT UAC ARV PD1 NK1 NTE PRT OH1 OH2 OH3 OH4 PV2 DB1 ORC TQ1 TQ2 CTD FT1 CTI SPM SAC CON DEV DSC EVN AL1 DG1 MRG ROL ADD FHS BHS BTS FTS'.split(
    ' ',
  ),
);

/** Segments of other messages that some senders put in. None has a name that one wrong character makes of PID or PV1. */
export const FOREIGN = new Set('IN1 IN2 IN3 GT1 ACC RF1 TXA RXA RXR BLG MSA ERR QRD QRF'.split(' '));

/** Whether a segment of this name is left aside. */
export function isLeftAside(name: string): boolean {
  return LEFT_ASIDE.has(name) || name.startsWith('Z');
}
