import { test } from 'node:test';
import { verifies } from '../requirements.ts';
import { partitions } from './partitions.ts';

test('a gateway, then the hub, is apart from the network for seconds: what came meanwhile is stored once', async (context) => {
  verifies('EXACTLY-ONCE', 'STORED-ONCE');
  await partitions(context, 4000, ['cut', 'frozen']);
});
