import { MOVEMENTS } from '../../../shared/movement.ts';
import { type Dialect, MDC_ROWS, type MessageRule } from '../dialect.ts';

/** The feed of a hospital's patient administration: who lies where. */
export const adt: Dialect = {
  name: 'hl7-adt',
  vendor: 'HL7',
  models: ['Patient administration systems and interface engines'],
  protocol: `HL7 v2.1 to 2.8 ADT over MLLP: ${Object.keys(MOVEMENTS).join(', ')}`,
  source: 'HL7 v2.6 chapter 3',
  connects: { senderCalls: true },
  messages: [
    ...Object.keys(MOVEMENTS).map((event): MessageRule => ({ type: 'ADT', event, use: 'movement' })),
    // Older senders say in EVN-1 alone what it is.
    { type: 'ADT', event: '', use: 'movement' },
    // A feed tells of much that moves nobody; refusing it would hold up what does.
    { type: 'ADT', use: 'aside' },
  ],
  uniqueControlIds: true,
  obx: MDC_ROWS,
  alarms: { form: 'none', says: [], limits: 'A source of movements says nothing about alarms.' },
  limits: [
    'MSH-9 says which event it is. An EVN-1 that an interface engine left behind does not count where both come down to the same (A04 made ' +
      'of A01, A40 of A34), or where it is no event of HL7; it is counted as HL7-EVENT.',
    'Where EVN-1 names an event that says something else (a discharge in MSH-9, an admission in EVN-1), the message is refused and kept, for ' +
      'nobody can tell which of them happened: let the interface engine write both alike, or leave EVN-1 empty.',
  ],
};
