import type { Instant } from '../../../shared/clock.ts';
import { type Binding, before, bindingsFrom, type KeptBinding, NO_END, type UnknownStretch, withUnknown } from '../../registry/bindings.ts';
import type { Commit } from './commits.ts';
import { PG } from './statements.ts';

/** Keeps what `bindingsFrom` makes of the bindings within a commit: of hubs that do it at the same time the second finds what the first kept. */
export async function keepBindings(
  commit: Commit,
  next: readonly Binding[],
  at: Instant,
  isTimeKnown: boolean,
): Promise<readonly KeptBinding[]> {
  const kept: KeptBinding[] = [];
  for (const { id } of await commit.query<{ id: string }>(PG.tenants)) {
    await commit.as(id);
    kept.push(...(await commit.query<KeptBinding>(PG.bindings, [id])));
  }
  const isNew = kept.length === 0 && (await commit.query(PG.unknown)).length === 0;
  const known = new Map(kept.map((binding) => [keyOf(binding), binding]));
  const bindings = bindingsFrom(kept, next, isNew ? 0 : at);
  for (const tenant of new Set(bindings.map((binding) => binding.tenant))) await commit.query(PG.addTenant, [tenant, false]);
  for (const binding of bindings) {
    const was = known.get(keyOf(binding));
    if (was && was.tenant === binding.tenant && was.patient === binding.patient && was.since === binding.since) continue;
    const { gateway, kind, name, tenant, patient, since } = binding;
    if (was && was.tenant !== tenant) {
      // A row of one tenant cannot be made one of another.
      await commit.as(was.tenant);
      await commit.query(PG.dropBinding, [gateway, kind, name]);
    }
    await commit.as(tenant);
    await commit.query(PG.setBinding, [gateway, kind, name, tenant, patient, since]);
  }
  const { from, until } = before(at);
  if (isNew) await commit.query(PG.addUnknownStretch, [from, NO_END, null]);
  if (isTimeKnown) await commit.query(PG.endUnknown, [until, at]);
  return withUnknown(bindings, await commit.query<UnknownStretch>(PG.unknown));
}

function keyOf({ gateway, kind, name }: Binding): string {
  return JSON.stringify([gateway, kind, name]);
}
