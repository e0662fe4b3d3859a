import type { ResourceKind } from '../../../../hub/mcp/uris.ts';

/** Of everything that is served, what is asked of the documented site as its example. Whatever is new has no row here, and a test fails until it has. */
export interface Asked {
  /** Who asks; `ai-monitor` unless given. */
  as?: string;
}

export interface ReadExample extends Asked {
  uri: string;
}

export interface CallExample extends Asked {
  args: Readonly<Record<string, unknown>>;
}

export interface PromptExample extends Asked {
  args: Readonly<Record<string, string>>;
}

const ICU = 'pat-icu-01';

export const READS: Readonly<Record<ResourceKind, ReadExample>> = {
  patients: { uri: 'vitals://patients' },
  latest: { uri: `vitals://patient/${ICU}/latest` },
  vital: { uri: `vitals://patient/${ICU}/latest/nibp` },
  trend: { uri: `vitals://patient/${ICU}/trend/hr?window=6h&points=3` },
  alerts: { uri: 'vitals://patient/pat-icu-02/alerts' },
  gaps: { uri: `vitals://patient/${ICU}/gaps` },
  ward: { uri: 'vitals://ward/icu/latest' },
  worklist: { uri: 'vitals://panel/heart-failure/worklist' },
  device: { uri: 'vitals://device/monitor-2/status' },
  observation: { uri: 'fhir://Observation/gw-home-01.0123456789abc.47.0' },
  fleet: { uri: 'fleet://agents', as: 'ai-engineer' },
  health: { uri: 'hub://health' },
};

export const CALLS: Readonly<Record<string, CallExample>> = {
  describe_vital: { args: { search: 'blood pressure' } },
  find_patients: { args: { bed: 'ICU-0' } },
  get_alerts: { args: { patient: 'pat-icu-02', include_free_text: true } },
  get_device_status: { args: { patient: 'pat-icu-03' } },
  get_group_overview: { args: { ward: 'icu' } },
  get_latest_vitals: { args: { patient: 'pat-home-02' } },
  get_patient_overview: { args: { patient: ICU } },
  get_vitals_trend: { args: { patient: ICU, vital: 'hr', hours: 12, points: 3, compare: 'previous' } },
  get_worklist: { args: { ward: 'icu' } },
  list_outside_limits: { args: { limits: 'site', ward: 'icu' } },
  wait_for_change: { args: { patients: [ICU, 'pat-icu-03'], minimum_change: { hr: 10 }, timeout_seconds: 1 } },
};

export const PROMPTED: Readonly<Record<string, PromptExample>> = {
  explain_alert: { args: { patient: 'pat-icu-02' } },
  handover: { args: { ward: 'icu', hours: '12' } },
  rpm_weekly_review: { args: { panel: 'heart-failure' } },
  summarize_patient: { args: { patient: ICU } },
  ward_round: { args: { ward: 'icu' } },
};
