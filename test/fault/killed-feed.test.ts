import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openSqliteStore } from '../../hub/store/sqlite.ts';
import { systemClock } from '../../shared/clock.ts';
import { Metrics } from '../../shared/metrics.ts';
import { readKeyFile } from '../../shared/storage/key-file.ts';
import { HubProcess, hubCommand, writeHubConfig } from '../e2e/hub-process.ts';
import { modern, rawHttp } from '../hub/mcp/support.ts';
import { verifies } from '../requirements.ts';
import { gathered } from '../support/hub.ts';
import { LocalNetwork } from '../support/local-network.ts';
import { SyslogReceiver } from '../support/syslog-receiver.ts';

const READ = modern('resources/read', { uri: 'vitals://patients' });
const AT_ONCE = 4;

interface Fed {
  seq: number;
  hash: string;
  prev: string;
}

/** A site whose hub feeds as `feed` (YAML) says. */
async function siteWith(feed: (at: (name: string) => string) => string): Promise<LocalNetwork> {
  const site = await LocalNetwork.start();
  const at = (name: string): string => join(site.folder, name);
  writeFileSync(
    at('registry.yaml'),
    `gateways: [{ identity: gw-icu, tenant: clinic, beds: { ICU-01: pat-icu-01 } }]
clients: [{ identity: ai-one, tenant: clinic, kind: software, role: clinician, patients: [pat-icu-01] }]
`,
  );
  await writeHubConfig(site);
  appendFileSync(at('hub.yaml'), `audit: { feed: ${feed(at)} }\n`);
  return site;
}

/** How many answers the readers of a hub got. */
class Answers {
  count = 0;
  #waiting: { enough: number; resolve: () => void }[] = [];

  one(): void {
    this.count += 1;
    for (const { enough, resolve } of this.#waiting) if (this.count >= enough) resolve();
  }

  /** Resolves with the answer that makes so many. */
  async reach(enough: number): Promise<void> {
    if (this.count < enough) await new Promise<void>((resolve) => this.#waiting.push({ enough, resolve }));
  }
}

/** A life of the hub: it is read from all the time, and killed once `until` resolves. */
async function life(site: LocalNetwork, until: (answers: Answers) => Promise<void>): Promise<void> {
  await using hub = await HubProcess.start(join(site.folder, 'hub.yaml'), join(site.folder, 'op/hub.sock'));
  await using overlay = await site.open('ai-one');
  const answers = new Answers();
  const reader = async (): Promise<void> => {
    await using http = rawHttp(overlay);
    for (;;) {
      const text = await http.post(READ).then(
        (response) => response.text(),
        () => '',
      );
      if (text === '') return;
      answers.one();
    }
  };
  const readers = Array.from({ length: AT_ONCE }, reader);
  await until(answers);
  hub.kill();
  await Promise.all(readers);
}

const answered =
  (count: number) =>
  (answers: Answers): Promise<void> =>
    answers.reach(count);

/** The store's own chain, held against everything that was fed: no number missing, and each with the hashes of the chain. */
async function assertWhole(site: LocalNetwork, fed: readonly Fed[], context: TestContext): Promise<void> {
  const at = (name: string): string => join(site.folder, name);
  await using store = openSqliteStore({ path: at('hub.db'), key: readKeyFile(at('hub.key')), metrics: new Metrics(), clock: systemClock });
  const chain = await gathered(store.audit());
  const bySeq = new Map(fed.map((one) => [one.seq, one]));
  const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');
  context.diagnostic(`${chain.length} entries, ${fed.length} were fed, ${fed.length - bySeq.size} of them again`);
  assert.ok(chain.length > 100);
  assert.equal(bySeq.size, chain.length);
  for (const [i, { seq, hash }] of chain.entries()) {
    assert.equal(bySeq.get(seq)?.hash, hex(hash), `${seq}`);
    if (i > 0) assert.equal(bySeq.get(seq)?.prev, hex(chain[i - 1]?.hash), `${seq}`);
  }
}

test('a hub is killed while it feeds syslog to a receiver that stalls, cuts and goes away: no number is missing there', async (context) => {
  verifies('FEED-IN-ORDER', 'FEED-GOES-ON', 'FEED-HOLDS-UP-NOTHING');
  await using receiver = await SyslogReceiver.start({ host: 'localhost' });
  await using site = await siteWith((at) => {
    writeFileSync(at('siem-ca.pem'), receiver.authority.pem);
    return `{ type: syslog, host: localhost, port: ${receiver.port}, caFile: ${at('siem-ca.pem')}, confirmSeconds: 1, heartbeatSeconds: 1 }`;
  });
  await life(site, answered(40));
  // Something was confirmed: it goes on from there.
  const turned = receiver.connections + 3;
  await life(site, () => receiver.until(() => receiver.connections >= turned));
  await life(site, async (answers) => {
    await receiver.until(() => receiver.open > 0);
    receiver.stall();
    await answers.reach(answers.count + 200);
    receiver.cut('reset');
    receiver.goOn();
    const seen = receiver.messages.length;
    await receiver.until(() => receiver.messages.length > seen + 50);
  });
  await receiver.away();
  await life(site, answered(60));
  await receiver.back();
  const before = new Set(receiver.seqs()).size;
  const turns = receiver.connections + 2;
  await life(site, () => receiver.until(() => receiver.connections >= turns && new Set(receiver.seqs()).size > before));
  {
    // An orderly stop sends the rest.
    await using hub = await HubProcess.start(join(site.folder, 'hub.yaml'), join(site.folder, 'op/hub.sock'));
    const beats = receiver.of('heartbeat').length;
    await receiver.until(() => receiver.of('heartbeat').length > beats);
    const count = receiver.seqs().filter((seq) => seq === 1).length;
    const said = await hubCommand('audit', 'resend', '--config', join(site.folder, 'hub.yaml'), '--from', '1', '--json');
    assert.deepEqual([said.code, said.stderr, JSON.parse(said.stdout).from], [0, '', 1]);
    await receiver.until(() => receiver.seqs().filter((seq) => seq === 1).length > count);
    assert.equal(await hub.stop(), 0);
  }
  assert.deepEqual(receiver.faults, []);
  const fed = receiver
    .of('entry')
    .map((params) => ({ seq: Number(params.get('seq')), hash: params.get('hash') ?? '', prev: params.get('prev') ?? '' }));
  await assertWhole(site, fed, context);
});

test('a hub is killed while it feeds a file: no number is missing there, and a line that was cut stands alone', async (context) => {
  verifies('FEED-IN-ORDER', 'FEED-GOES-ON');
  await using site = await siteWith((at) => `{ type: file, path: ${at('evidence.jsonl')} }`);
  for (const count of [1, 30, 90, 200]) await life(site, answered(count));
  {
    await using hub = await HubProcess.start(join(site.folder, 'hub.yaml'), join(site.folder, 'op/hub.sock'));
    await hub.says(/"msg":"hub runs"/);
    assert.equal(await hub.stop(), 0);
  }
  const lines = readFileSync(join(site.folder, 'evidence.jsonl'), 'utf8').trimEnd().split('\n');
  const fed = lines.flatMap((line): (Fed & { type: string })[] => {
    try {
      return [JSON.parse(line) as Fed & { type: string }];
    } catch {
      return [];
    }
  });
  await assertWhole(
    site,
    fed.filter(({ type }) => type === 'entry'),
    context,
  );
});
