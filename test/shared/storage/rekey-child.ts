// Changes the key of a file and is killed before one of its calls to the file system: `node rekey-child.ts PATH KEYFILE CALLS`.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const [path = '', keyFile = '', calls = '0'] = process.argv.slice(2);
const { rekeyFile } = await import('../../../shared/storage/rekey.ts');
let left = Number(calls);
for (const name of ['openSync', 'fsyncSync', 'renameSync', 'linkSync', 'unlinkSync', 'rmSync'] as const) {
  const call = fs[name] as (...args: unknown[]) => unknown;
  Object.assign(fs, {
    [name]: (...args: unknown[]) => {
      if (left === 0) process.kill(process.pid, 'SIGKILL');
      left -= 1;
      return call(...args);
    },
  });
}
syncBuiltinESMExports();
rekeyFile({ path, keyFile });
