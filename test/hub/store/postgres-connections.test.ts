import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientConfig, SESSION_LIMITS } from '../../../hub/store/postgres/connections.ts';
import { verifies } from '../../requirements.ts';

const AT = { host: '/run/postgresql', port: 5432, user: 'v', database: 'hub' };

test('a statement without a limit on the server has none in the client either; any other is given up a little after the server would', () => {
  verifies('STORE-UPGRADE-UNHURRIED');
  const unlimited = clientConfig(AT, { ...SESSION_LIMITS, statementMs: 0 });
  assert.equal(unlimited.statement_timeout, 0);
  assert.equal(unlimited.query_timeout ?? 0, 0);
  const limited = clientConfig(AT);
  assert.ok((limited.query_timeout ?? 0) > SESSION_LIMITS.statementMs);
});
