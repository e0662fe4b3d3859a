import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HubProcess, writeHubConfig } from '../e2e/hub-process.ts';
import { LocalNetwork } from '../support/local-network.ts';
import { installSuite, requirementsOf, resultsIn, runSuite } from './suite.ts';
import { formatTallies, type Tally, tallied } from './tally.ts';

/** `npm run conformance`: the official suite against a hub in its conformance mode, everything that each revision requires, with nothing that may fail. */
const REVISIONS = ['2025-11-25', '2026-07-28'];

const REGISTRY = `
tenants: { suite: { kind: sandbox } }
gateways: [{ identity: gw-1, tenant: suite, beds: { BED-1: pat-0001, BED-2: pat-0002 } }]
clients: [{ identity: suite, tenant: suite, kind: software, role: monitor, patients: all }]
`;

installSuite();
const tallies: Tally[] = [];
// A hub for each: a run of both at once would ask more in a minute than a client may.
for (const revision of REVISIONS) {
  const tally = await conformance(revision);
  tallies.push(tally);
  for (const line of tally.beside) process.stdout.write(`${revision}, not required: ${line}\n`);
  for (const fault of tally.faults) process.stdout.write(`${revision} FAILED ${fault}\n`);
}
process.stdout.write(`${formatTallies(tallies)}\n`);
if (tallies.some(({ faults }) => faults.length > 0)) process.exitCode = 1;

async function conformance(revision: string): Promise<Tally> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-conformance-'));
  try {
    await using network = await LocalNetwork.start();
    writeFileSync(join(network.folder, 'registry.yaml'), REGISTRY);
    await writeHubConfig(network);
    const at = (name: string): string => join(network.folder, name);
    await using hub = await HubProcess.start(at('hub.yaml'), at('op/hub.sock'), ['--conformance', 'suite']);
    const [, url] = /"url":"(http:[^"]+)"/.exec(hub.log) ?? [];
    if (url === undefined) throw new Error(`the hub does not say where its fixtures are: ${hub.log}`);
    let said = '';
    const code = await runSuite(url, revision, folder, (text) => {
      said += text;
    });
    const tally = tallied(revision, requirementsOf(revision), resultsIn(folder));
    if (code === 0) return tally;
    process.stdout.write(said);
    return { ...tally, faults: [...tally.faults, `the suite ended with ${code}`] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
