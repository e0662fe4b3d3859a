import type { Action } from '../../access/access.ts';
import type { ToolRow } from './contract.ts';
import { describeVital } from './tools/describe-vital.ts';
import { findPatientsTool } from './tools/find-patients.ts';
import { getAlerts } from './tools/get-alerts.ts';
import { getDeviceStatus } from './tools/get-device-status.ts';
import { getGroupOverview } from './tools/get-group-overview.ts';
import { getLatestVitals } from './tools/get-latest-vitals.ts';
import { getPatientOverview } from './tools/get-patient-overview.ts';
import { getVitalsTrend } from './tools/get-vitals-trend.ts';
import { getWorklist } from './tools/get-worklist.ts';
import { listOutsideLimits } from './tools/list-outside-limits.ts';
import { waitForChange } from './tools/wait-for-change.ts';

/** Every tool that is served, in the order of their names. */
export const TOOLS: readonly ToolRow[] = [
  describeVital,
  findPatientsTool,
  getAlerts,
  getDeviceStatus,
  getGroupOverview,
  getLatestVitals,
  getPatientOverview,
  getVitalsTrend,
  getWorklist,
  listOutsideLimits,
  waitForChange,
];

const ACTIONS: ReadonlyMap<string, Action> = new Map(TOOLS.map(({ name, action }) => [name, action]));

/** What calling it is in terms of the policy; undefined where there is no such tool. */
export function actionOfTool(name: string): Action | undefined {
  return ACTIONS.get(name);
}
