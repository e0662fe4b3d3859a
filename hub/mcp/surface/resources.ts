import type { Action } from '../../access/access.ts';
import type { Follow } from '../follow.ts';
import { type ResourceKind, type ResourceRef, TEMPLATES } from '../uris.ts';
import type { AnyResource, Call, ResourceTable } from './contract.ts';
import { alertsResource } from './resources/alerts.ts';
import { deviceResource } from './resources/device.ts';
import { fleetResource, healthResource } from './resources/fleet.ts';
import { gapsResource } from './resources/gaps.ts';
import { latestResource } from './resources/latest.ts';
import { observationResource } from './resources/observation.ts';
import { patientsResource } from './resources/patients.ts';
import { trendResource } from './resources/trend.ts';
import { vitalResource } from './resources/vital.ts';
import { wardResource } from './resources/ward.ts';
import { worklistResource } from './resources/worklist.ts';

/** Every resource that is served. */
export const RESOURCES: ResourceTable = {
  patients: patientsResource,
  latest: latestResource,
  vital: vitalResource,
  trend: trendResource,
  alerts: alertsResource,
  gaps: gapsResource,
  ward: wardResource,
  worklist: worklistResource,
  device: deviceResource,
  observation: observationResource,
  fleet: fleetResource,
  health: healthResource,
};

/** Reads what a URI means. Throws as its row does. */
export function readRef(ref: ResourceRef, call: Call): Promise<unknown> {
  return rowOf(ref.kind).read(ref.vars, call);
}

/** Of which changes of it whoever subscribes to it is told. Throws MCP-URI. */
export function followOf(ref: ResourceRef): Follow {
  return rowOf(ref.kind).follow(ref.vars);
}

/** What reading it is in terms of the policy. */
export function actionOf({ kind }: ResourceRef): Action {
  return RESOURCES[kind].action;
}

/** The row of a kind that is known only while the hub runs: its variables are those of its template, as `parseUri` gives them. */
export function rowOf(kind: ResourceKind): AnyResource {
  return RESOURCES[kind] as AnyResource;
}

export function templateOf(kind: ResourceKind): string {
  return TEMPLATES[kind];
}
