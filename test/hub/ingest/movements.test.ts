import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adt } from '../../../agent/hl7/dialects/adt.ts';
import { hl7Profile } from '../../../agent/hl7/read.ts';
import { resourcesOf } from '../../../agent/resources.ts';
import { operatorPrincipal } from '../../../hub/access/principals.ts';
import type { Basic, Resource } from '../../../shared/fhir.ts';
import { batchEntry, bundleText } from '../../../shared/uplink/kinds.ts';
import { CONTEXT } from '../../agent/decode/decoding.ts';
import { message } from '../../agent/hl7/oru.ts';
import { verifies } from '../../requirements.ts';
import { gathered, TEST_EPOCH, TEST_NOW, TEST_REGISTRY, TestClock, type TestHub, testHub } from '../../support/hub.ts';

const REGISTRY = TEST_REGISTRY.replace('clients:', '  - { identity: gw-adt, tenant: clinic, movements: true }\nclients:');

function hub(): TestHub {
  return testHub({ clock: new TestClock(), registry: REGISTRY });
}

/** A transfer as an agent sends it. */
function transfer(agent: string, seq: number, place = 'ICU^101^BED-01'): Basic {
  const bytes = message(
    'MSH|^~\\&|PAS|HOSP|||20261121100000+0000||ADT^A02|M1|P|2.5',
    'EVN||',
    'PID|1||P-0001^^^HOSP^MR',
    `PV1|1|I|${place}`,
  );
  const [record] = hl7Profile(adt).read(bytes, TEST_NOW, CONTEXT).records;
  const [resource] = record ? resourcesOf(record, { agent, epoch: TEST_EPOCH, seq }) : [];
  assert.ok(resource?.resourceType === 'Basic');
  return resource;
}

const bundle = (resources: readonly Resource[]): unknown =>
  JSON.parse(
    bundleText(
      resources.map((resource) => JSON.stringify(batchEntry(resource))),
      TEST_NOW,
    ),
  );

async function send({ ingest }: TestHub, gateway: string, ...resources: Resource[]): Promise<string[]> {
  return (await ingest.batch(gateway, bundle(resources))).outcomes.map(({ status, code }) => (code ? `${status} ${code}` : `${status}`));
}

async function exported({ door }: TestHub, tenant = 'clinic'): Promise<Resource[]> {
  const caller = operatorPrincipal(1000, tenant);
  return (await gathered(await door.exportEvents(caller, { kind: 'movement' }, { channel: 'operator' }))).map(({ resource }) => resource);
}

test('a movement is stored once, and given out as it came', async () => {
  verifies('MOVEMENTS-LISTED', 'MOVEMENTS-READ', 'EXACTLY-ONCE');
  await using h = hub();
  const moved = transfer('gw-adt', 1);
  assert.deepEqual(await send(h, 'gw-adt', moved), ['201']);
  assert.deepEqual(await send(h, 'gw-adt', moved), ['200']);
  assert.deepEqual(await send(h, 'gw-adt', transfer('gw-adt', 1, 'ICU^102^BED-02')), ['409 UPLINK-KEY-REUSED']);
  assert.deepEqual(await exported(h), [moved]);
  assert.deepEqual(await exported(h, 'other'), []);
});

test('who is not listed for it moves nobody, and nobody moves in another one’s name', async () => {
  verifies('MOVEMENTS-LISTED');
  await using h = hub();
  assert.deepEqual(await send(h, 'gw-icu', transfer('gw-icu', 1)), ['422 INGEST-NOT-BOUND']);
  assert.deepEqual(await send(h, 'gw-icu', transfer('gw-adt', 1)), ['422 INGEST-FOREIGN-ID']);
  assert.deepEqual(await exported(h), []);
});

test('a movement with anything in it that nobody looks at is refused', async () => {
  verifies('MOVEMENTS-LISTED');
  await using h = hub();
  const good = transfer('gw-adt', 1);
  const [event, ...rest] = good.extension;
  assert.ok(event);
  const bad: unknown[] = [
    { ...good, text: { div: 'NAME' } },
    { ...good, subject: { display: 'NAME' } },
    { ...good, extension: rest },
    { ...good, extension: [event, ...good.extension] },
    { ...good, extension: [{ ...event, valueCode: 'A99' }, ...rest] },
    { ...good, extension: [event, ...rest.slice(0, -1)] },
    { ...good, extension: [...good.extension, { url: 'https://elsewhere.example', valueString: 'NAME' }] },
    { ...good, code: { coding: [{ system: 'x', code: 'movement' }], text: 'transfer' } },
    {
      ...good,
      extension: good.extension.map((one) => (one.extension ? { ...one, extension: [...one.extension, ...one.extension] } : one)),
    },
  ];
  for (const resource of bad) assert.deepEqual(await send(h, 'gw-adt', resource as Resource), ['422 INGEST-INVALID']);
  assert.deepEqual(await exported(h), []);
});
