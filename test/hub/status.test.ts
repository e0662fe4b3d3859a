import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatHubStatus, type HubStatus, totalOf } from '../../hub/status.ts';
import { verifies } from '../requirements.ts';

const status: HubStatus = {
  version: '0.1.0',
  pid: 4711,
  identity: {
    id: 'hub1',
    notAfter: 60_000 + 47 * 3_600_000,
    renewal: { state: 'retrying', nextAt: 90_000, lastRenewedAt: null, code: 'RENEW-REFUSED' },
  },
  startedAt: 0,
  now: 60_000,
  clock: null,
  overlay: 'ready',
  controller: '10.0.0.4:1280',
  signIn: 'certificate',
  routers: [{ name: 'router-1', address: '10.0.0.5:3022', connected: false, code: 'OVERLAY-UNREACHABLE' }],
  storeId: 's1',
  engine: 'sqlite',
  registry: 'abc',
  notInForce: [],
  policy: 'built-in-1',
  counts: { observations: 5, events: 0, duplicates: 1, quarantined: 2, patients: 1, unplaced: 0 },
  tenants: {},
  storeCode: null,
  storeRefusal: null,
  gateways: [{ gateway: 'gw1', instance: 'i', epoch: 'e', since: 30_000, lastBatchAt: 55_000, code: null }],
  unbound: [],
  notAdopted: [],
  notAdoptedLeftOut: 0,
  homesWithoutList: { count: 0, of: 0 },
  lostMovements: [],
  devicesLeftOut: [],
  lostDecisions: [],
  knownGateways: 3,
  uplink: { bound: true, code: null, lastConnectedAt: 60_000, lastBatchAt: 55_000 },
  access: { mcp: { person: 'both', software: 'listed' }, issuers: [], unusable: [], stray: 0 },
  mcp: {
    service: 'vitals-mcp',
    bound: false,
    code: 'OVERLAY-DENIED',
    connections: 0,
    sessions: 0,
    streams: 0,
    subscribers: { 'mcp-2025': 0, 'mcp-2026': 0 },
    subscriptions: 0,
    tools: 'ab12'.repeat(16),
  },
  mcpLine: { service: 'vitals-mcp-line', bound: true, code: null, connections: 2 },
  conformance: null,
  evidence: { signedUpTo: 7, alarms: [] },
  people: { erased: 0, underWay: 0, held: 0 },
  evidenceFeed: null,
  evidenceKept: { kept: [], removedUpTo: 0, waitsFor: null, alarms: [] },
  metrics: { 'ingest_quarantined{INGEST-NOT-BOUND}': 2, 'ingest_refused_batches{UPLINK-UNKNOWN-GATEWAY}': 7, other: 1 },
};

test('the status tells people who is connected, what is not reachable and why, and why something was refused', () => {
  const text = formatHubStatus(status);
  assert.match(text, /^ {2}by line +2 connections$/m);
  assert.doesNotMatch(text, /CONFORMANCE/);
  const conformance = { url: 'http://127.0.0.1:4711/mcp', caller: 'suite' };
  assert.match(
    formatHubStatus({ ...status, conformance }),
    /^CONFORMANCE +fixtures at http:\/\/127\.0\.0\.1:4711\/mcp, where everybody .* is suite, without proof$/m,
  );
  assert.match(text, /^Hub +0\.1\.0, process 4711, running for 60 s$/m);
  assert.match(text, /^Identity +hub1, certificate for 47 h, renewal fails: RENEW-REFUSED$/m);
  const lastMinutes: HubStatus = { ...status, identity: { ...status.identity, notAfter: status.now + 15.5 * 60_000 } };
  assert.match(formatHubStatus(lastMinutes), /^Identity +hub1, certificate for 15 min, /m);
  assert.match(text, /^Controller +10\.0\.0\.4:1280 served last, signed in by a certificate session$/m);
  assert.match(formatHubStatus({ ...status, signIn: null }), /^Controller .* served last, not signed in$/m);
  assert.doesNotMatch(formatHubStatus({ ...status, controller: null }), /^Controller/m);
  assert.match(text, /^Routers +router-1 at 10\.0\.0\.5:3022: not connected, OVERLAY-UNREACHABLE \(/m);
  assert.match(text, /^Gateways +1 of 3 known connected$/m);
  assert.match(text, /gw1 +since .* last data 5 s ago/);
  assert.match(text, /AI clients +not reachable: OVERLAY-DENIED \(The overlay refused: no policy allows this identity/);
  assert.match(text, /5 observations of 1 patient /);
  assert.doesNotMatch(text, /nobody's for sure/);
  const unplaced = formatHubStatus({ ...status, counts: { ...status.counts, observations: 1, patients: 2, unplaced: 1 } });
  assert.match(unplaced, /1 observation of 2 patients, 1 of them nobody's for sure \(store/);
  assert.doesNotMatch(text, /^Evidence/m);
  assert.doesNotMatch(text, /SIEM/);
  const fed = {
    kind: 'syslog',
    to: 'siem.example port 6514',
    state: 'waiting',
    code: 'AUDIT-FEED-TLS',
    alarms: ['AUDIT-FEED-BEHIND'],
    detail: 'siem.example port 6514: its certificate has expired (CERT_HAS_EXPIRED)',
    begin: 'first',
    ...{ began: 0, others: [{ id: 'a', kind: 'file', to: '/var/log/old.jsonl', began: 0, confirmed: 4 }] },
    ...{ sent: 7, confirmed: 5, newest: 20_000, behindMs: 61_000 },
  } as const;
  const behind = formatHubStatus({ ...status, evidenceFeed: fed });
  assert.match(behind, /^Feed to SIEM +syslog siem\.example port 6514: confirmed up to entry 5 of 20000, behind for 61 s$/m);
  assert.match(behind, /^ +AUDIT-FEED-TLS \(.*\): siem\.example port 6514: its certificate has expired .*\n +AUDIT-FEED-BEHIND \(/m);
  assert.match(behind, /^ +not fed now: file \/var\/log\/old\.jsonl: confirmed up to entry 4 of 20000$/m);
  const begun = (change: object): string => formatHubStatus({ ...status, evidenceFeed: { ...fed, confirmed: 0, ...change } });
  assert.match(begun({}), /6514: nothing confirmed yet; it begins with the first entry that is kept, behind/);
  assert.match(begun({ began: 40, confirmed: 40 }), /6514: nothing confirmed yet; it begins behind entry 40, behind/);
  assert.match(begun({ began: null, begin: 'now' }), /6514: nothing confirmed yet; it begins with what comes from now on, behind/);
  const alarmed = formatHubStatus({ ...status, evidence: { signedUpTo: 0, alarms: ['AUDIT-NOT-EXTENDED'] } });
  assert.match(alarmed, /^Evidence +AUDIT-NOT-EXTENDED \(The evidence in the store does not go on/m);
  assert.match(text, /2 times +INGEST-NOT-BOUND \(The gateway is not bound to this patient, bed or device\)$/m);
  assert.match(text, /7 times +UPLINK-UNKNOWN-GATEWAY/);
  assert.doesNotMatch(text, /Not bound/);
});

test('beds that are bound to nobody are named as their sources write them, the last ones, and the rest is counted', () => {
  verifies('UNBOUND-PLACES');
  const refused = {
    gateway: 'gw1',
    code: 'INGEST-NOT-BOUND',
    why: 'unknown',
    rule: 'the bed is not one of the gateway',
    count: 3,
    lastAt: 50_000,
  } as const;
  const unbound = [{ ...refused, place: null }, ...Array.from({ length: 22 }, (_, i) => ({ ...refused, place: `ICU^1${i}^A` }))];
  const text = formatHubStatus({ ...status, unbound });
  assert.match(text, /^Not bound +compare with registry\.yaml, as it is written here:$/m);
  assert.match(text, /^ +gw1 +no bed: the bed is not one of the gateway \(3 times, last 10 s ago\)$/m);
  assert.match(text, /^ +gw1 +bed "ICU\^118\^A": the bed is not one of the gateway \(3 times, last 10 s ago\)$/m);
  assert.doesNotMatch(text, /ICU\^119\^A/);
  assert.match(text, /^ +and 3 more, see --json$/m);
  assert.doesNotMatch(text, /Of before/);
  const known = {
    ...refused,
    place: 'ICU^^BED-1',
    code: 'INGEST-BEFORE-BINDING',
    why: 'earlier',
    rule: 'time: before the binding',
  } as const;
  const both = formatHubStatus({ ...status, unbound: [known, { ...refused, place: 'ICU^^BED-9' }] }).split('\n');
  const at = (what: string): number => both.findIndex((line) => line.includes(what));
  assert.ok(at('Not bound') < at('BED-9') && at('BED-9') < at('Of before') && at('Of before') < at('BED-1'));
  assert.match(formatHubStatus({ ...status, unbound: [known] }), /^Of before +bound, /m);
  assert.doesNotMatch(formatHubStatus({ ...status, unbound: [known] }), /Not bound/);
});

test('a gateway whose batches wait is told apart, and so is what quarantine had no room for', () => {
  verifies('GATEWAYS-FAIR', 'QUARANTINE-BOUNDED');
  const [gateway] = status.gateways;
  assert.ok(gateway);
  const text = formatHubStatus({
    ...status,
    gateways: [gateway, { ...gateway, gateway: 'gw2', code: 'INGEST-BUSY' }],
    metrics: { ingest_quarantine_dropped: 3 },
  });
  assert.match(text, /^ {2}gw1 .* last data 5 s ago$/m);
  assert.match(text, /^ {2}gw2 .* last data 5 s ago; INGEST-BUSY \(The gateway sends more than its rate; its batches wait\)$/m);
  assert.match(text, /^Refused +2 in quarantine, 3 given up for want of room, 1 sent twice$/m);
});

test('where no gateway is connected the status says of how many, since when, and when the last values came', () => {
  verifies('STATUS-SILENCE-SHOWN');
  const row = (uplink: Partial<HubStatus['uplink']>): string | undefined =>
    /^Gateways.*$/m.exec(formatHubStatus({ ...status, gateways: [], uplink: { ...status.uplink, ...uplink } }))?.[0];
  assert.equal(
    row({ lastConnectedAt: 57_000 }),
    'Gateways       0 of 3 known connected, last at 1970-01-01T00:00:57.000+00:00, last data 1970-01-01T00:00:55.000+00:00',
  );
  assert.match(row({ lastConnectedAt: 57_000, lastBatchAt: null }) ?? '', /57\.000\+00:00, no data since the start$/);
  assert.equal(row({ lastConnectedAt: null, lastBatchAt: null }), 'Gateways       0 of 3 known connected, none since the start');
  assert.match(
    row({ bound: false, code: 'OVERLAY-DENIED', lastConnectedAt: 57_000 }) ?? '',
    /not reachable: OVERLAY-DENIED \(.*\); 0 of 3 known connected, last at /,
  );
});

test('while the store does not answer, the status says so with the code, and shows all else', () => {
  verifies('STATUS-STORE-AWAY');
  const away = formatHubStatus({ ...status, engine: 'postgres', counts: null, tenants: null, storeCode: 'STORAGE-REMOTE' });
  assert.match(away, /^Store +not reachable: STORAGE-REMOTE \(The database server .*\) \(store s1 in PostgreSQL\)$/m);
  assert.match(away, /^Gateways +1 of 3 known connected$/m);
  assert.match(away, /2 times +INGEST-NOT-BOUND/);
  assert.doesNotMatch(away, /observations|in quarantine/);
});

test('while the store takes no batches, the status says why and since when, whether or not it can be asked', () => {
  verifies('STATUS-STORE-REFUSES');
  assert.doesNotMatch(formatHubStatus(status), /^Not stored/m);
  const storeRefusal = { code: 'STORAGE-FULL', since: 20_000, lastAt: 57_000, batches: 12 } as const;
  const row = /^Not stored +what gateways send: STORAGE-FULL \(.+\) \(12 batches since 1970-01-01T00:00:20\.000\+00:00, last 3 s ago\)$/m;
  const refusing = formatHubStatus({ ...status, storeCode: 'STORAGE-FULL', storeRefusal });
  assert.match(refusing, row);
  assert.match(refusing, /^Store +5 observations of 1 patient /m);
  assert.match(formatHubStatus({ ...status, counts: null, tenants: null, storeCode: 'STORAGE-FULL', storeRefusal }), row);
});

test('the status says what a store that was put back lost of who lies where, until somebody confirms, and that movements came too late', () => {
  verifies('HAND-LOST-SAID', 'MOVEMENT-TOO-OLD');
  assert.doesNotMatch(formatHubStatus(status), /^Said by hand|^Movements/m);
  const lost = { tenant: 'clinic', from: 20_000, found: 57_000, toldAgainUntil: 30_000 };
  const all = { ...status, lostMovements: [lost], metrics: { movements_too_old: 3 } };
  const text = formatHubStatus(all);
  assert.match(text, /^Said by hand +clinic, 1970-01-01T00:00:20\.000\+00:00 to 1970-01-01T00:00:57\.000\+00:00: PATIENT-HAND-LOST/m);
  assert.match(text, /^Movements +clinic, .*: told again until 1970-01-01T00:00:30\.000\+00:00 alone; PATIENT-MOVEMENTS-LOST/m);
  assert.match(text, /^Movements +3 since the start: INGEST-MOVEMENT-OLD/m);
  const leftOut = formatHubStatus({ ...status, devicesLeftOut: [{ gateway: 'gw1', count: 7 }] });
  assert.match(leftOut, /^Devices {8}gw1 names more devices, or beds of them, than are remembered; 7 were let go of/m);
  const again = formatHubStatus({ ...status, lostMovements: [{ ...lost, toldAgainUntil: null }] });
  assert.match(again, /PATIENT-HAND-LOST/);
  assert.doesNotMatch(again, /PATIENT-MOVEMENTS-LOST/);
});

test('counts of tenants add up', () => {
  assert.deepEqual(totalOf({ a: status.counts, b: status.counts }), {
    observations: 10,
    events: 0,
    duplicates: 2,
    quarantined: 4,
    patients: 2,
    unplaced: 0,
  });
});
