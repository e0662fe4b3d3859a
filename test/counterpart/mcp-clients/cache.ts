import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Where test/counterpart/mcp-clients.sh puts what it installs. */
export const CACHE = join(import.meta.dirname, '..', '..', '..', 'node_modules', '.cache', 'mcp-clients');

export function assertInstalled(): void {
  assert.ok(existsSync(join(CACHE, 'stamp')), 'the MCP clients are not installed: run test/counterpart/mcp-clients.sh');
}
