import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { testNetwork } from './identities.ts';

/** A folder with everything an agent needs, for one test. */
export class AgentSite implements Disposable {
  readonly folder: string;
  readonly config: string;
  readonly operator: string;
  readonly outbox: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.config = join(folder, 'agent.yaml');
    this.operator = join(folder, 'run', 'operator.sock');
    this.outbox = join(folder, 'outbox.db');
  }

  /** The hub of this site does not exist: nobody is at the overlay's socket. */
  static async make(sources: readonly object[], changes: object = {}): Promise<AgentSite> {
    const site = new AgentSite(mkdtempSync(join(tmpdir(), 'vitalmesh-agent-')));
    const network = await testNetwork();
    writeFileSync(
      site.config,
      stringify({
        identity: await network.identityFile(site.folder, 'gateway-1'),
        outbox: { path: site.outbox, keyFile: join(site.folder, 'outbox.key') },
        overlay: { type: 'local', socket: join(site.folder, 'switch.sock') },
        uplink: { hub: ['hub-1'] },
        operator: { socket: site.operator },
        test: true,
        sources,
        ...changes,
      }),
    );
    return site;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
