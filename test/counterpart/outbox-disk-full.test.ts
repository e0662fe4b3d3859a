import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertNothingLost, GATEWAY, nothingSaid, runGateway } from '../fault/outbox-witness.ts';
import { verifies } from '../requirements.ts';

// A file system of 8 MiB in a mount namespace of its own (util-linux), 7 of them taken by a file that the gateway removes at its third
// failure. What the outbox holds at the end is copied out before the namespace goes.
const SCRIPT = `
  mount -t tmpfs -o size=8m,mode=700 tmpfs "$1"
  head -c 7340032 /dev/zero > "$1/ballast"
  "$3" "$4" "$1" 1 1500 "$1/ballast" || exit 1
  cp "$1"/outbox.* "$2"`;

test('a full disk: nothing is acknowledged meanwhile, and it recovers without a restart when there is room', async () => {
  verifies('ACK-AFTER-COMMIT');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-full-'));
  try {
    const [small, kept] = [join(folder, 'small'), join(folder, 'kept')];
    for (const each of [small, kept]) mkdirSync(each, { mode: 0o700 });
    const said = nothingSaid();
    await runGateway(['unshare', '-rm', 'sh', '-ec', SCRIPT, 'sh', small, kept, process.execPath, GATEWAY], said);
    assert.deepEqual([...said.errors], [['STORAGE-FULL', 3]]);
    assert.ok(said.acknowledged.size >= 1500 && said.afterError > 0 && said.afterError < 1500);
    assertNothingLost(kept, said);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
