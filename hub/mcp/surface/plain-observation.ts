import type { Coding, Extension, LogicalReference, Observation, ObservationComponent, Quantity } from '../../../shared/fhir.ts';
import { vitalOfObservation } from '../../../shared/observation.ts';
import {
  absentConcept,
  absentReasonOf,
  EXTENSIONS,
  IDENTIFIER_SYSTEMS,
  partOfPanel,
  quantity,
  TEST_LABEL,
} from '../../../shared/observation-code.ts';
import { ucumOfText } from '../../../shared/units.ts';
import { panel, vital } from '../../../shared/vitals.ts';
import { deviceName, untrustedDevice } from '../untrusted.ts';

/** Of an Observation: what its device calls itself, where that may be a sentence. */
export const UNTRUSTED_DEVICE = 'https://vitalmesh.org/fhir/StructureDefinition/untrusted-device';

/**
 * An Observation of the store for a model: its codes, numbers and times as they came, which were checked against the parameter table, and every word out of that table. What a device or
 * a sender wrote (names of codes, units and devices, limits, the place) is left out, for FHIR has no fields that a model takes for data alone. Pure.
 */
export function plainObservation(resource: Observation): Observation {
  const { meta, category, code, valueQuantity, dataAbsentReason, component, device, extension = [], referenceRange: _, ...own } = resource;
  const { key = '' } = vitalOfObservation(resource) ?? {};
  const name = device?.identifier.value;
  const extensions = [
    ...extension.flatMap(plainExtension),
    ...(name !== undefined && deviceName(name) === null ? [{ url: UNTRUSTED_DEVICE, valueString: untrustedDevice(name) }] : []),
  ];
  return {
    ...own,
    ...(meta && { meta: { ...meta, ...(meta.security && { security: meta.security.map(plainLabel) }) } }),
    ...(category && { category: category.map(({ coding = [] }) => ({ coding: coding.map(bare) })) }),
    code: named(code, (vital(key) ?? panel(key))?.name),
    ...(valueQuantity && { valueQuantity: plainQuantity(valueQuantity) }),
    ...(dataAbsentReason && { dataAbsentReason: plainAbsence(dataAbsentReason) }),
    ...(component && { component: component.map((part) => plainPart(part, key)) }),
    ...plainDevice(device),
    ...(extensions.length > 0 && { extension: extensions }),
  };
}

function plainPart(part: ObservationComponent, of: string): ObservationComponent {
  const { code, valueQuantity, dataAbsentReason, extension = [] } = part;
  const whole = panel(of);
  const extensions = extension.flatMap(plainExtension);
  return {
    code: named(code, whole && partOfPanel(part, whole)?.name),
    ...(valueQuantity && { valueQuantity: plainQuantity(valueQuantity) }),
    ...(dataAbsentReason && { dataAbsentReason: plainAbsence(dataAbsentReason) }),
    ...(extensions.length > 0 && { extension: extensions }),
  };
}

/** Of a sender no other label is taken; those that say how it is masked are the hub's. */
function plainLabel(label: Coding): Coding {
  return label.code === TEST_LABEL.code ? TEST_LABEL : label;
}

function bare({ system, code }: { system: string; code: string }) {
  return { system, code };
}

function named({ coding = [] }: Observation['code'], text: string | undefined): Observation['code'] {
  return { coding: coding.map(bare), ...(text !== undefined && { text }) };
}

/** The unit is the one of the table: it was checked. */
function plainQuantity({ value, code }: Quantity): Quantity {
  return quantity(value, code);
}

function plainAbsence(concept: Observation['code']): Observation['code'] {
  return absentConcept(absentReasonOf(concept) ?? 'unknown') ?? {};
}

/** Flags; the quantity as sent where its unit is a known one; the profile where it reads like one. Of where and who it may be, nothing. */
function plainExtension({ url, valueCode, valueQuantity }: Extension): Extension[] {
  if (url === EXTENSIONS.flag && valueCode !== undefined) return [{ url, valueCode }];
  if (url === EXTENSIONS.profile && valueCode !== undefined && deviceName(valueCode) !== null) return [{ url, valueCode }];
  const unit = url === EXTENSIONS.original && valueQuantity ? ucumOfText(valueQuantity.code) : undefined;
  return valueQuantity && unit !== undefined ? [{ url, valueQuantity: quantity(valueQuantity.value, unit) }] : [];
}

function plainDevice(device: LogicalReference | undefined): Pick<Observation, 'device'> {
  if (!device || deviceName(device.identifier.value) === null) return {};
  const { system, value } = device.identifier;
  const isOurs = system?.startsWith(IDENTIFIER_SYSTEMS.device) && deviceName(system) !== null;
  return { device: { identifier: { ...(system !== undefined && isOurs && { system }), value } } };
}
