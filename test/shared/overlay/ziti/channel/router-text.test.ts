import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { quotable, routerText } from '../../../../../shared/overlay/ziti/channel/router-text.ts';
import { verifies } from '../../../../requirements.ts';

test('what a router says becomes one line of bounded length', () => {
  for (const read of [routerText, quotable]) {
    assert.equal(read(undefined), '');
    assert.equal(read(Buffer.from(' no\u001b[2J\r\nway\u2028out \xff')), 'no [2J way out ÿ');
    assert.equal(read(Buffer.from([0x61, 0xff, 0x62])), 'a b');
    assert.equal(read(Buffer.from('so long '.repeat(10_000))).length, 199);
  }
});

test('no token that a router quotes is in what may be logged, wherever it stands; names and words are', () => {
  verifies('LOG-CLEAN');
  const tokens = [randomUUID(), randomUUID().replaceAll('-', ''), randomUUID().toUpperCase(), randomBytes(24).toString('base64')];
  for (const token of tokens) {
    assert.equal(quotable(Buffer.from(`no such session "${token}", sorry`)), 'no such session "…", sorry');
    // Across the end of what is shown, and of what is looked at at all behind characters that count for nothing.
    for (const before of ['a '.repeat(90), 'a '.repeat(97), '\0'.repeat(4096 - 31), '\0'.repeat(4096 - 20)]) {
      const said = quotable(Buffer.from(before + token));
      assert.ok(!said.includes(token.slice(0, 3)), said);
    }
  }
  const plain = 'v2.0.3|e86e3371a1f36|local|linux|amd64 found a newer terminator for 5Fk3jX0aWq1bYc2dZe3f';
  assert.equal(quotable(Buffer.from(plain)), plain);
  const name = 'the-gateway-of-the-intensive-care-ward';
  assert.equal(routerText(Buffer.from(name)), name);
});
