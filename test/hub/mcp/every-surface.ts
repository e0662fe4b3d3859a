import assert from 'node:assert/strict';
import { z } from 'zod';
import { rowOf } from '../../../hub/mcp/surface/resources.ts';
import { TOOLS } from '../../../hub/mcp/surface/tools.ts';
import { KINDS, type ResourceKind, TEMPLATES } from '../../../hub/mcp/uris.ts';

/** What may be asked for on a site, by the names of arguments and of variables. */
export interface Askable {
  patients: readonly string[];
  wards: readonly string[];
  panels: readonly string[];
  vitals: readonly string[];
  devices: readonly string[];
  observations: readonly string[];
  beds: readonly string[];
}

interface Schema {
  type?: string;
  enum?: readonly unknown[];
  default?: unknown;
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
}

/** A tool's input as JSON Schema has it, as clients are told. */
export function inputSchema(tool: Pick<(typeof TOOLS)[number], 'input'>): Schema {
  return z.toJSONSchema(tool.input, { io: 'input' }) as Schema;
}

/**
 * Calls of every tool of the table with arguments that mean something: each value of each argument once, by its name. A tool with an argument of a name that is not known here fails, so
 * that a new one is asked too.
 */
export function everyToolCall(site: Askable): [name: string, args: Record<string, unknown>][] {
  return TOOLS.flatMap((tool) => callsOf(inputSchema(tool), site).map((args): [string, Record<string, unknown>] => [tool.name, args]));
}

function callsOf({ properties = {}, required = [] }: Schema, site: Askable): Record<string, unknown>[] {
  const values = new Map(Object.entries(properties).map(([name, schema]) => [name, valuesOf(name, schema, site)]));
  // Whoever waits, waits shortly.
  const base: Record<string, unknown> = 'timeout_seconds' in properties ? { timeout_seconds: 1 } : {};
  for (const name of required) base[name] = values.get(name)?.[0];
  const calls: Record<string, unknown>[] = [];
  for (const [name, all] of values) for (const value of all) calls.push(...ofEach({ ...base, [name]: value }, name, all.length, site));
  return calls.length === 0 ? [base] : [...new Map(calls.map((call) => [JSON.stringify(call), call])).values()];
}

/** The same of each patient, where there are few values of it. */
function ofEach(call: Record<string, unknown>, varied: string, values: number, { patients }: Askable): Record<string, unknown>[] {
  if (varied === 'patient' || !('patient' in call) || values > MOST_VARIED) return [call];
  return patients.map((patient) => ({ ...call, patient }));
}

const MOST_VARIED = 3;

function valuesOf(name: string, schema: Schema, site: Askable): readonly unknown[] {
  const known: Readonly<Record<string, readonly unknown[]>> = {
    patient: site.patients,
    id: site.patients,
    patients: [site.patients],
    ward: site.wards,
    panel: site.panels,
    vital: site.vitals,
    vitals: [site.vitals],
    device: site.devices.slice(0, 8),
    bed: site.beds,
    search: [...site.vitals, 'pressure'],
    hours: [1, 240],
    from: ['2026-11-20T00:00:00Z'],
    to: ['2026-11-21T12:00:00Z'],
    points: [1, 96],
    cursor: [],
    since: [],
    minimum_change: [{ hr: 1 }],
    timeout_seconds: [1],
  };
  const own = known[name] ?? schema.enum ?? (schema.type === 'boolean' ? [true, false] : undefined);
  return own ?? assert.fail(`the argument ${name} has no values here: give some, so that its tool is asked with them`);
}

/** URIs of every kind of resource, filled in with everything that its variables may be; a variable that is not known here fails. */
export function everyUri(kind: ResourceKind, site: Askable): string[] {
  const [path = '', query = ''] = TEMPLATES[kind].split('{?');
  let uris = [path];
  for (const [, name = ''] of path.matchAll(/\{(\w+)\}/g)) {
    const values = variable(kind, name, site);
    uris = uris.flatMap((uri) => values.map((value) => uri.replace(`{${name}}`, encodeURIComponent(value))));
  }
  return query.startsWith('window') ? [...uris, ...uris.map((uri) => `${uri}?window=7d&points=96`)] : uris;
}

function variable(kind: ResourceKind, name: string, site: Askable): readonly string[] {
  const ids: Partial<Record<ResourceKind, readonly string[]>> = { device: site.devices, observation: site.observations };
  const known: Readonly<Record<string, readonly string[]>> = {
    id: ids[kind] ?? site.patients,
    ward: site.wards,
    panel: site.panels,
    vital: site.vitals,
  };
  return known[name] ?? assert.fail(`the variable ${name} of ${kind} has no values here`);
}

/** Every variable that is completed: its template and its name. */
export function everyCompletion(): { uri: string; name: string }[] {
  return KINDS.flatMap((kind) => Object.keys(rowOf(kind).completes).map((name) => ({ uri: TEMPLATES[kind], name })));
}
