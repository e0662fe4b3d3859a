import { test } from 'node:test';
import { PARTITIONS, type PartitionKind, partitions } from '../fault/partitions.ts';

const MINUTES = 3;

for (const kind of Object.keys(PARTITIONS) as PartitionKind[]) {
  test(`a gateway, then the hub, is ${kind} for ${MINUTES} minutes: what came meanwhile is stored once`, (context) =>
    partitions(context, MINUTES * 60_000, [kind]));
}
