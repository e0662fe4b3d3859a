/** The parts of FHIR R4 that Vitalmesh writes and reads; named as in http://hl7.org/fhir/R4. */

export interface Coding {
  system: string;
  code: string;
  display?: string;
}

export interface CodeableConcept {
  coding?: Coding[];
  text?: string;
}

export interface Quantity {
  value: number;
  unit: string;
  system: string;
  code: string;
}

export interface Identifier {
  system?: string;
  value: string;
}

/** A reference by identifier alone: nothing on the wire points into anybody's server. */
export interface LogicalReference {
  identifier: Identifier;
  display?: string;
}

export interface Extension {
  url: string;
  valueString?: string;
  valueCode?: string;
  valueInteger?: number;
  valueQuantity?: Quantity;
  valueIdentifier?: Identifier;
  valueDateTime?: string;
  valueBoolean?: boolean;
  extension?: Extension[];
}

export interface SampledData {
  origin: Quantity;
  /** Milliseconds between samples. */
  period: number;
  factor?: number;
  dimensions: number;
  /** Decimals apart by blanks; E: error, L: below, U: above the limits (FHIR R4 datatypes, SampledData). */
  data: string;
}

export interface ObservationComponent {
  code: CodeableConcept;
  valueQuantity?: Quantity;
  valueCodeableConcept?: CodeableConcept;
  valueInteger?: number;
  dataAbsentReason?: CodeableConcept;
  referenceRange?: { text: string }[];
  extension?: Extension[];
}

export interface Observation {
  resourceType: 'Observation';
  id: string;
  meta?: { profile?: string[]; security?: Coding[] };
  status: 'final' | 'preliminary' | 'corrected' | 'cancelled' | 'entered-in-error';
  category?: CodeableConcept[];
  code: CodeableConcept;
  subject: LogicalReference;
  /** FHIR dateTime with offset. */
  effectiveDateTime: string;
  /** When the gateway received it (FHIR instant). */
  issued: string;
  device?: LogicalReference;
  valueQuantity?: Quantity;
  /** Of an alert: what the device shows. */
  valueString?: string;
  /** Of a wave. */
  valueSampledData?: SampledData;
  dataAbsentReason?: CodeableConcept;
  referenceRange?: { text: string }[];
  component?: ObservationComponent[];
  extension?: Extension[];
}

/** An Observation over a stretch of time: of what is missing there. */
export interface StretchObservation extends Omit<Observation, 'effectiveDateTime'> {
  /** FHIR dateTimes with offset, both included. */
  effectivePeriod: { start: string; end: string };
  dataAbsentReason: CodeableConcept;
  component: ObservationComponent[];
}

/** What R4 has no resource for; here a movement of a patient, told by its extensions. */
export interface Basic {
  resourceType: 'Basic';
  id: string;
  meta?: { security?: Coding[] };
  code: CodeableConcept;
  extension: Extension[];
}

/** A device, or a part of one that has others in it. */
export interface Device {
  resourceType: 'Device';
  id: string;
  meta?: { security?: Coding[] };
  extension: Extension[];
  identifier: Identifier[];
  type?: CodeableConcept;
  parent?: LogicalReference;
}

/** What a device measures, or what is set on it. */
export interface DeviceMetric {
  resourceType: 'DeviceMetric';
  id: string;
  meta?: { security?: Coding[] };
  extension: Extension[];
  identifier: Identifier[];
  type: CodeableConcept;
  source: LogicalReference;
  parent: LogicalReference;
  category: 'measurement' | 'setting';
}

/** What travels up. */
export type Resource = Observation | StretchObservation | Basic | Device | DeviceMetric;

export interface OperationOutcome {
  resourceType: 'OperationOutcome';
  issue: {
    severity: 'error' | 'warning' | 'information';
    code: string;
    details?: CodeableConcept;
    diagnostics?: string;
    expression?: string[];
  }[];
}

export interface BatchBundle {
  resourceType: 'Bundle';
  type: 'batch';
  entry: { fullUrl?: string; resource: Resource; request: { method: 'PUT'; url: string } }[];
}

export interface BatchResponseBundle {
  resourceType: 'Bundle';
  type: 'batch-response';
  entry: { response: { status: string; outcome?: OperationOutcome } }[];
}

export const SYSTEMS = {
  loinc: 'http://loinc.org',
  mdc: 'urn:iso:std:iso:11073:10101',
  ucum: 'http://unitsofmeasure.org',
  category: 'http://terminology.hl7.org/CodeSystem/observation-category',
  absent: 'http://terminology.hl7.org/CodeSystem/data-absent-reason',
  actReason: 'http://terminology.hl7.org/CodeSystem/v3-ActReason',
} as const;
