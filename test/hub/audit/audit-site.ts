import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_POLICY } from '../../../hub/access/default-policy.ts';
import type { Policy } from '../../../hub/access/policy.ts';
import { createAuditor } from '../../../hub/audit/auditor.ts';
import { Checkpoints } from '../../../hub/audit/checkpoints.ts';
import { auditCliCommands } from '../../../hub/audit/cli.ts';
import { auditOperatorCommands } from '../../../hub/audit/operator.ts';
import { openSigningKey, type SigningKey } from '../../../hub/audit/signing-key.ts';
import { hubProgram } from '../../../hub/cli.ts';
import { STORE_MIGRATIONS } from '../../../hub/store/schema.ts';
import { silentLogger } from '../../../shared/log.ts';
import { createOperatorServer } from '../../../shared/operator/server.ts';
import { type Database, openDatabase } from '../../../shared/storage/database.ts';
import { sampleBundle, sampleObservation, TestClock, type TestHub, testHub } from '../../support/hub.ts';

import { operatorConfig, type Ran, ranOf } from '../../support/operator-command.ts';

export interface AuditSite {
  folder: string;
  hub: TestHub;
  signing: SigningKey;
  /** Signs what there is. */
  sign(): Promise<void>;
  audit(...argv: string[]): Promise<Ran>;
  /** Changes the store's file while no hub has it. */
  tamper(work: (database: Database) => void): Promise<void>;
}

/** A hub with two reads of one patient by two callers, one refused; `running`: whether it has an operator's socket. */
export async function auditSite(
  body: (site: AuditSite) => Promise<void>,
  { running = true, policy = DEFAULT_POLICY }: { running?: boolean; policy?: Policy } = {},
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-audit-'));
  const { config, socketPath } = operatorConfig(folder);
  const key = randomBytes(32);
  const clock = new TestClock();
  const open = (): TestHub => testHub({ dir: folder, key, clock, policy: () => policy });
  const at: { hub: TestHub } = { hub: open() };
  const signing = openSigningKey(join(folder, 'key'), at.hub.store.storeId, join(folder, 'keys'));
  const surroundings = {
    get auditor() {
      return createAuditor({ ...at.hub, replay: { ...at.hub, zone: 'UTC' }, policy: () => policy, keys: () => [signing.verifier], clock });
    },
    tenants: () => at.hub.store.tenants(),
  };
  const commands = Object.fromEntries(
    (['audit-list', 'audit-export', 'audit-replay', 'audit-report', 'audit-verify', 'audit-acknowledge'] as const).map((name) => [
      name,
      (...call: Parameters<ReturnType<typeof auditOperatorCommands>[typeof name]>) => auditOperatorCommands(surroundings)[name](...call),
    ]),
  );
  const server = createOperatorServer({ socketPath, commands, log: silentLogger });
  const stop = new AbortController();
  try {
    if (running) await server.start(stop.signal);
    const { hub } = at;
    await hub.ingest.batch(
      'gw-icu',
      sampleBundle([sampleObservation({ seq: 1 }), sampleObservation({ seq: 2, vital: 'spo2', value: 97 })]),
    );
    for (const id of ['ai-nurse', 'ai-monitor'])
      await hub.door.latest(hub.registry.principal(id) ?? assert.fail(), 'pat-icu-01', { channel: 'mcp-2026' });
    await hub.door.listPatients(hub.registry.principal('ai-nurse') ?? assert.fail(), { channel: 'mcp-2026' });
    await assert.rejects(hub.door.latest(hub.registry.principal('ai-nurse') ?? assert.fail(), 'pat-icu-02', { channel: 'mcp-2026' }));
    const nothing = async (): Promise<undefined> => undefined;
    const program = hubProgram(
      { run: nothing, check: nothing, exportOffline: () => assert.fail() },
      auditCliCommands({ audit: (_, name, args) => auditOperatorCommands(surroundings)[name](args, 'local:7') as AsyncIterable<unknown> }),
    );
    await body({
      folder,
      get hub() {
        return at.hub;
      },
      signing,
      async sign() {
        const checkpoints = new Checkpoints({ ...at.hub, key: signing, everyEntries: 1, everyMs: 1 });
        await checkpoints.start(AbortSignal.abort());
        await checkpoints[Symbol.asyncDispose]();
      },
      audit: (name = '', ...argv) => ranOf(program, ['audit', name, '--config', config, ...argv]),
      async tamper(work) {
        await at.hub.close();
        using database = openDatabase({ path: join(folder, 'hub.db'), key, migrations: STORE_MIGRATIONS });
        database.write(() => work(database));
        database[Symbol.dispose]();
        at.hub = open();
      },
    });
  } finally {
    stop.abort();
    await server[Symbol.asyncDispose]();
    await at.hub.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
