import { entryEvent } from '../../../../../hub/audit/feed/event.ts';
import { jsonLine } from '../../../../../hub/audit/feed/json-line.ts';
import { syslogMessage } from '../../../../../hub/audit/feed/syslog-message.ts';
import { evidenceOf } from '../../../../support/evidence.ts';
import { gathered } from '../../../../support/hub.ts';
import { EVIDENCE, type Output } from './output.ts';

/** What the hub says to nobody in particular; read when all else was run. */
export function ownOutputs(): Output[] {
  return [
    {
      name: 'answers to gateways and FHIR clients',
      may: { markers: ['gateway'], why: 'each is told of what it sent by the id that it gave it' },
      run: async ({ planted }) => JSON.stringify(planted.answers),
    },
    { name: 'metrics', run: async ({ hub }) => JSON.stringify(hub.metrics.snapshot()) },
    {
      name: 'log',
      may: { markers: ['gateway'], why: 'gateways and callers are named by their identities' },
      run: async ({ log }) => log.join(''),
    },
    {
      name: 'live feed of the evidence',
      may: { markers: ['gateway', 'measured'], why: 'who did it, by its identity; and when, which here is when it was measured' },
      run: async ({ hub: { store } }) => {
        const entries = await gathered(store.audit());
        const events = entries.map((entry) => entryEvent(entry, undefined, { storeId: store.storeId, subjects: true }));
        return events.map((event) => `${jsonLine(event)}${syslogMessage(event, { host: 'hub', pid: 1 })}`).join('');
      },
    },
    {
      name: 'evidence',
      may: EVIDENCE,
      run: async ({ hub }) => JSON.stringify(await evidenceOf(hub.store)),
    },
  ];
}
