import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifyAudit } from '../../hub/audit/chain.ts';
import { openSqliteStore } from '../../hub/store/sqlite.ts';
import { systemClock } from '../../shared/clock.ts';
import { Metrics } from '../../shared/metrics.ts';
import { readKeyFile } from '../../shared/storage/key-file.ts';
import { HubProcess, writeHubConfig } from '../e2e/hub-process.ts';
import { modern, rawHttp } from '../hub/mcp/support.ts';
import { verifies } from '../requirements.ts';
import { evidenceOf } from '../support/evidence.ts';
import { LocalNetwork } from '../support/local-network.ts';

/** After how many answers the hub is killed, life by life: also before it has warmed up, and with its log of some size. */
const KILLED_AFTER = [1, 7, 40, 120];
const AT_ONCE = 8;
const READ = modern('resources/read', { uri: 'vitals://patients' });

test('a hub is killed while it answers: whatever a client was shown stands in the evidence, which is whole', async (context) => {
  verifies('AUDIT-BEFORE-SHOWN', 'AUDIT-CHAINED');
  await using site = await LocalNetwork.start();
  const at = (name: string): string => join(site.folder, name);
  writeFileSync(
    at('registry.yaml'),
    `gateways: [{ identity: gw-icu, tenant: clinic, beds: { ICU-01: pat-icu-01 } }]
clients: [{ identity: ai-one, tenant: clinic, kind: software, role: clinician, patients: [pat-icu-01] }]
`,
  );
  await writeHubConfig(site);
  let [asked, shown] = [0, 0];
  for (const answers of KILLED_AFTER) {
    await using hub = await HubProcess.start(at('hub.yaml'), at('op/hub.sock'));
    await using overlay = await site.open('ai-one');
    let here = 0;
    const reader = async (): Promise<void> => {
      await using http = rawHttp(overlay);
      for (;;) {
        asked += 1;
        const text = await http.post(READ).then(
          (response) => response.text(),
          () => '',
        );
        if (!text.includes('pat-icu-01')) return;
        shown += 1;
        here += 1;
        if (here === answers) hub.kill();
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, reader));
    assert.ok(here >= answers, hub.log);
  }
  await using store = openSqliteStore({ path: at('hub.db'), key: readKeyFile(at('hub.key')), metrics: new Metrics(), clock: systemClock });
  assert.ok((await verifyAudit(store.audit(), store.storeId)).intact);
  const reads = (await evidenceOf(store)).filter(({ action, outcome }) => action === 'patients.list' && outcome === 'allowed').length;
  context.diagnostic(`${KILLED_AFTER.length} kills, ${asked} asked, ${shown} shown, ${reads} in the evidence`);
  assert.ok(shown <= reads && reads <= asked, `${shown} shown, ${reads} in the evidence, ${asked} asked`);
});
