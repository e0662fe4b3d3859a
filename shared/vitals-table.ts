import type { Vital } from './vitals.ts';

/**
 * The parameter table: every value that Vitalmesh knows. LOINC lists begin with the code that the R4 vital-signs profile demands
 * (FHIR R4, observation-vitalsigns), MDC codes are of ISO/IEEE 11073-10101, units are UCUM, ranges are what a device could plausibly
 * have measured, never alarm limits. `evidence` names where LOINC (L) and MDC (M) were seen.
 *
 * Category: `vital-signs` where a LOINC code of the row is in R4's vital-signs table; `laboratory` for glucose; `activity` for steps;
 * `exam` for what a simple sensor reads off the body; `procedure` for what comes out of electrodiagnostics, catheters, gas analysis,
 * spirometry and ventilation, and for every setting. Class `spot`: a single measurement that nobody takes again, so that it outlives
 * a continuous stream when space runs out. Skin and airway-gas temperature carry no 8310-5: they are not the body's temperature. The
 * cardiac index carries no LOINC: 8751-0 states indicator dilution, which no device says.
 */
// biome-ignore format: one row a line, so that the table can be compared with its sources
export const VITAL_ROWS: readonly Vital[] = [
  // Cardiac / pulse
  { key: 'hr', name: 'Heart rate (ECG)', loinc: ['8867-4'], mdc: { code: 147842, refid: 'MDC_ECG_HEART_RATE' }, ucum: '/min', range: { min: 0, max: 300 }, class: 'continuous', category: 'vital-signs', evidence: 'L: USC,CIMI,PHD,POCD,MII,FC,IOMT; M: POCD,MII,PHIL,MIN,GE' },
  { key: 'pr_oxi', name: 'Pulse rate (oximeter)', loinc: ['8867-4', '8889-8'], mdc: { code: 149530, refid: 'MDC_PULS_OXIM_PULS_RATE' }, ucum: '/min', range: { min: 18, max: 321 }, class: 'continuous', category: 'vital-signs', evidence: 'L: USC,CIMI,PHD,POCD,MII,FC,IOMT,2 repos; M: PHD,MIN,GE,CTN' },
  { key: 'pr', name: 'Pulse rate', loinc: ['8867-4'], mdc: { code: 149514, refid: 'MDC_PULS_RATE' }, ucum: '/min', range: { min: 0, max: 300 }, class: 'continuous', category: 'vital-signs', evidence: 'L: USC,CIMI,PHD,POCD,MII,FC,IOMT; M: MII,PHIL,EFF' },
  { key: 'pr_nibp', name: 'Pulse rate (cuff)', loinc: ['8867-4'], mdc: { code: 149546, refid: 'MDC_PULS_RATE_NON_INV' }, ucum: '/min', range: { min: 0, max: 300 }, class: 'spot', category: 'vital-signs', evidence: 'L: USC,CIMI,PHD,POCD,MII,FC,IOMT; M: PHD,MIN' },
  { key: 'pvc_n', name: 'PVC count', loinc: [], mdc: { code: 148065, refid: 'MDC_ECG_V_P_C_CNT' }, ucum: '/min', range: { min: 0, max: 300 }, class: 'continuous', category: 'procedure', evidence: 'L: –; M: PHIL,GE' },
  { key: 'pvc', name: 'PVC rate', loinc: [], mdc: { code: 148066, refid: 'MDC_ECG_V_P_C_RATE' }, ucum: '/min', range: { min: 0, max: 300 }, class: 'continuous', category: 'procedure', evidence: 'L: –; M: PHIL' },
  { key: 'qt', name: 'QT interval', loinc: ['8634-8'], mdc: { code: 147232, refid: 'MDC_ECG_TIME_PD_QT_GL' }, ucum: 'ms', range: { min: 200, max: 800 }, class: 'continuous', category: 'procedure', evidence: 'L: 2 repos; M: PHIL' },

  // Oximetry / perfusion
  { key: 'spo2', name: 'Oxygen saturation (SpO2)', loinc: ['2708-6', '59408-5'], mdc: { code: 150456, refid: 'MDC_PULS_OXIM_SAT_O2' }, ucum: '%', range: { min: 0, max: 100 }, class: 'continuous', category: 'vital-signs', evidence: 'L: USC,CIMI,MII,IOMT,PHD; M: USC,PHD,MII,PHIL,MIN,GE,CTN' },
  { key: 'spo2_pre', name: 'Oxygen saturation, preductal (SpO2)', loinc: ['2708-6', '59407-7'], mdc: { code: 160296, refid: 'MDC_PULS_OXIM_SAT_O2_PRE_DUCTAL' }, ucum: '%', range: { min: 0, max: 100 }, class: 'continuous', category: 'vital-signs', evidence: 'L: MII; M: MII' },
  { key: 'spo2_post', name: 'Oxygen saturation, postductal (SpO2)', loinc: ['2708-6', '59408-5'], mdc: { code: 160300, refid: 'MDC_PULS_OXIM_SAT_O2_POST_DUCTAL' }, ucum: '%', range: { min: 0, max: 100 }, class: 'continuous', category: 'vital-signs', evidence: 'L: USC,CIMI,MII,IOMT; M: MII' },
  { key: 'spo2_diff', name: 'SpO2 difference, pre- to postductal', loinc: [], mdc: { code: 150468, refid: 'MDC_PULS_OXIM_SAT_O2_DIFF' }, ucum: '%', range: { min: -100, max: 100 }, class: 'continuous', category: 'exam', evidence: 'L: –; M: PHIL' },
  { key: 'pi_ph', name: 'Perfusion index (relative)', loinc: ['61006-3'], mdc: { code: 150448, refid: 'MDC_PULS_OXIM_PERF_REL' }, ucum: '1', range: { min: 0, max: 30 }, class: 'continuous', category: 'exam', evidence: 'L: HK; M: PHIL' },
  { key: 'pi', name: 'Perfusion index', loinc: ['61006-3'], mdc: { code: 150488, refid: 'MDC_BLD_PERF_INDEX' }, ucum: '%', range: { min: 0, max: 30 }, class: 'continuous', category: 'exam', evidence: 'L: HK; M: MIN' },
  { key: 'svo2', name: 'Venous oxygen saturation (SvO2)', loinc: [], mdc: { code: 150332, refid: 'MDC_SAT_O2_VEN' }, ucum: '%', range: { min: 0, max: 100 }, class: 'continuous', category: 'procedure', evidence: 'L: –; M: PHIL' },

  // Respiration
  { key: 'rr', name: 'Respiratory rate', loinc: ['9279-1'], mdc: { code: 151562, refid: 'MDC_RESP_RATE' }, ucum: '/min', range: { min: 0, max: 70 }, class: 'continuous', category: 'vital-signs', evidence: 'L: USC,CIMI,MII,FC,IOMT; M: PHIL,EFF' },
  { key: 'rr_aw', name: 'Respiratory rate (airway)', loinc: ['9279-1'], mdc: { code: 151570, refid: 'MDC_AWAY_RESP_RATE' }, ucum: '/min', range: { min: 0, max: 70 }, class: 'continuous', category: 'vital-signs', evidence: 'L: USC,CIMI,MII,FC,IOMT; M: PHIL' },
  { key: 'rr_pleth', name: 'Respiratory rate (plethysmogram)', loinc: ['9279-1'], mdc: { code: 151658, refid: 'MDC_PULS_OXIM_PLETH_RESP_RATE' }, ucum: '/min', range: { min: 0, max: 70 }, class: 'continuous', category: 'vital-signs', evidence: 'L: USC,CIMI,MII,FC,IOMT; M: MIN' },
  { key: 'rr_imp', name: 'Respiratory rate (impedance)', loinc: ['9279-1'], mdc: { code: 151578, refid: 'MDC_TTHOR_RESP_RATE' }, ucum: '/min', range: { min: 0, max: 70 }, class: 'continuous', category: 'vital-signs', evidence: 'L: USC,CIMI,MII,FC,IOMT; M: GE,MIN' },

  // Non-invasive blood pressure
  { key: 'nibp', name: 'Blood pressure, non-invasive', loinc: ['85354-9'], mdc: { code: 150020, refid: 'MDC_PRESS_BLD_NONINV' }, ucum: 'mm[Hg]', class: 'spot', category: 'vital-signs', panel: true, evidence: 'L: USC,CIMI,PHD,POCD,MII,IOMT; M: PHD,POCD,PHIL' },
  { key: 'nibp_s', name: 'Systolic blood pressure, non-invasive', loinc: ['8480-6'], mdc: { code: 150021, refid: 'MDC_PRESS_BLD_NONINV_SYS' }, ucum: 'mm[Hg]', range: { min: 0, max: 400 }, class: 'spot', category: 'vital-signs', evidence: 'L: USC,CIMI,PHD,POCD,MII,FC,IOMT; M: PHD,POCD,PHIL,EFF' },
  { key: 'nibp_d', name: 'Diastolic blood pressure, non-invasive', loinc: ['8462-4'], mdc: { code: 150022, refid: 'MDC_PRESS_BLD_NONINV_DIA' }, ucum: 'mm[Hg]', range: { min: 0, max: 300 }, class: 'spot', category: 'vital-signs', evidence: 'L: USC,CIMI,PHD,POCD,MII,FC; M: PHD,POCD,PHIL,EFF' },
  { key: 'nibp_m', name: 'Mean blood pressure, non-invasive', loinc: ['8478-0'], mdc: { code: 150023, refid: 'MDC_PRESS_BLD_NONINV_MEAN' }, ucum: 'mm[Hg]', range: { min: 0, max: 300 }, class: 'spot', category: 'vital-signs', evidence: 'L: CIMI,POCD,MII; M: PHD,POCD,PHIL,EFF' },
  { key: 'cuff_s', name: 'Systolic blood pressure (cuff)', loinc: ['8480-6'], mdc: { code: 150301, refid: 'MDC_PRESS_CUFF_SYS' }, ucum: 'mm[Hg]', range: { min: 0, max: 400 }, class: 'spot', category: 'vital-signs', evidence: 'L: USC,CIMI,PHD,POCD,MII,FC,IOMT; M: MIN' },
  { key: 'cuff_d', name: 'Diastolic blood pressure (cuff)', loinc: ['8462-4'], mdc: { code: 150302, refid: 'MDC_PRESS_CUFF_DIA' }, ucum: 'mm[Hg]', range: { min: 0, max: 300 }, class: 'spot', category: 'vital-signs', evidence: 'L: USC,CIMI,PHD,POCD,MII,FC; M: MIN' },
  { key: 'cuff_m', name: 'Mean blood pressure (cuff)', loinc: ['8478-0'], mdc: { code: 150303, refid: 'MDC_PRESS_CUFF_MEAN' }, ucum: 'mm[Hg]', range: { min: 0, max: 300 }, class: 'spot', category: 'vital-signs', evidence: 'L: CIMI,POCD,MII; M: MIN' },

  // Invasive pressures / haemodynamics
  { key: 'art_s', name: 'Systolic blood pressure, invasive', loinc: ['8480-6'], mdc: { code: 150017, refid: 'MDC_PRESS_BLD_SYS' }, inputMdc: [150033], ucum: 'mm[Hg]', range: { min: 0, max: 400 }, class: 'continuous', category: 'vital-signs', evidence: 'L: USC,CIMI,PHD,POCD,MII,FC,IOMT; M: MII,PHIL,GE (150033–5 MDC_PRESS_BLD_ART_*)' },
  { key: 'art_d', name: 'Diastolic blood pressure, invasive', loinc: ['8462-4'], mdc: { code: 150018, refid: 'MDC_PRESS_BLD_DIA' }, inputMdc: [150034], ucum: 'mm[Hg]', range: { min: 0, max: 300 }, class: 'continuous', category: 'vital-signs', evidence: 'L: USC,CIMI,PHD,POCD,MII,FC; M: MII,PHIL,GE (150033–5 MDC_PRESS_BLD_ART_*)' },
  { key: 'art_m', name: 'Mean blood pressure, invasive', loinc: ['8478-0'], mdc: { code: 150019, refid: 'MDC_PRESS_BLD_MEAN' }, inputMdc: [150035], ucum: 'mm[Hg]', range: { min: 0, max: 300 }, class: 'continuous', category: 'vital-signs', evidence: 'L: CIMI,POCD,MII; M: MII,PHIL,GE (150033–5 MDC_PRESS_BLD_ART_*)' },
  { key: 'abp_s', name: 'Systolic arterial blood pressure (ABP)', loinc: ['8480-6'], mdc: { code: 150037, refid: 'MDC_PRESS_BLD_ART_ABP_SYS' }, ucum: 'mm[Hg]', range: { min: 0, max: 400 }, class: 'continuous', category: 'vital-signs', evidence: 'L: USC,CIMI,PHD,POCD,MII,FC,IOMT; M: PHIL,EFF' },
  { key: 'abp_d', name: 'Diastolic arterial blood pressure (ABP)', loinc: ['8462-4'], mdc: { code: 150038, refid: 'MDC_PRESS_BLD_ART_ABP_DIA' }, ucum: 'mm[Hg]', range: { min: 0, max: 300 }, class: 'continuous', category: 'vital-signs', evidence: 'L: USC,CIMI,PHD,POCD,MII,FC; M: PHIL,EFF' },
  { key: 'abp_m', name: 'Mean arterial blood pressure (ABP)', loinc: ['8478-0'], mdc: { code: 150039, refid: 'MDC_PRESS_BLD_ART_ABP_MEAN' }, ucum: 'mm[Hg]', range: { min: 0, max: 300 }, class: 'continuous', category: 'vital-signs', evidence: 'L: CIMI,POCD,MII; M: PHIL,EFF' },
  { key: 'pap_s', name: 'Systolic pulmonary artery pressure', loinc: ['8440-0'], mdc: { code: 150045, refid: 'MDC_PRESS_BLD_ART_PULM_SYS' }, ucum: 'mm[Hg]', range: { min: 0, max: 150 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,PHIL,EFF' },
  { key: 'pap_d', name: 'Diastolic pulmonary artery pressure', loinc: ['8385-7'], mdc: { code: 150046, refid: 'MDC_PRESS_BLD_ART_PULM_DIA' }, ucum: 'mm[Hg]', range: { min: 0, max: 100 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,PHIL,EFF' },
  { key: 'pap_m', name: 'Mean pulmonary artery pressure', loinc: ['8414-5'], mdc: { code: 150047, refid: 'MDC_PRESS_BLD_ART_PULM_MEAN' }, ucum: 'mm[Hg]', range: { min: 0, max: 120 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,PHIL,EFF' },
  { key: 'pawp', name: 'Pulmonary artery wedge pressure', loinc: ['75994-4'], mdc: { code: 150052, refid: 'MDC_PRESS_BLD_ART_PULM_WEDGE' }, ucum: 'mm[Hg]', range: { min: -10, max: 80 }, class: 'spot', category: 'procedure', evidence: 'L: MII; M: MII,PHIL' },
  { key: 'cvp', name: 'Central venous pressure', loinc: ['60985-9'], mdc: { code: 150084, refid: 'MDC_PRESS_BLD_VEN_CENT' }, ucum: 'mm[Hg]', range: { min: -20, max: 60 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: POCD,MII,PHIL' },
  { key: 'cvp_m', name: 'Mean central venous pressure', loinc: ['60985-9'], mdc: { code: 150087, refid: 'MDC_PRESS_BLD_VEN_CENT_MEAN' }, ucum: 'mm[Hg]', range: { min: -20, max: 60 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: POCD,PHIL,EFF' },
  { key: 'icp', name: 'Intracranial pressure', loinc: ['60956-0'], mdc: { code: 153608, refid: 'MDC_PRESS_INTRA_CRAN' }, ucum: 'mm[Hg]', range: { min: -20, max: 120 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,PHIL' },
  { key: 'icp_m', name: 'Mean intracranial pressure', loinc: ['60956-0'], mdc: { code: 153611, refid: 'MDC_PRESS_INTRA_CRAN_MEAN' }, ucum: 'mm[Hg]', range: { min: -20, max: 120 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: PHIL' },
  { key: 'cpp', name: 'Cerebral perfusion pressure', loinc: ['61017-0'], mdc: { code: 153604, refid: 'MDC_PRESS_CEREB_PERF' }, ucum: 'mm[Hg]', range: { min: 0, max: 200 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,PHIL' },
  { key: 'co', name: 'Cardiac output', loinc: ['8741-1'], mdc: { code: 150276, refid: 'MDC_OUTPUT_CARD' }, ucum: 'L/min', range: { min: 0, max: 30 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,PHIL' },
  { key: 'ci', name: 'Cardiac index', loinc: [], inputLoinc: ['8751-0'], mdc: { code: 149772, refid: 'MDC_OUTPUT_CARD_INDEX' }, ucum: 'L/min/m2', range: { min: 0, max: 15 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,PHIL' },
  { key: 'sv', name: 'Stroke volume', loinc: ['20562-5'], mdc: { code: 150404, refid: 'MDC_VOL_BLD_STROKE' }, ucum: 'mL', range: { min: 0, max: 300 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: PHIL' },
  { key: 'svr', name: 'Systemic vascular resistance', loinc: [], mdc: { code: 150312, refid: 'MDC_RES_VASC_SYS' }, ucum: 'dyn.s/cm5', range: { min: 0, max: 5000 }, class: 'continuous', category: 'procedure', evidence: 'L: –; M: PHIL' },
  { key: 'svri', name: 'Systemic vascular resistance index', loinc: ['8837-7'], mdc: { code: 149760, refid: 'MDC_RES_VASC_SYS_INDEX' }, ucum: 'dyn.s.m2/cm5', range: { min: 0, max: 8000 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,PHIL' },

  // Temperature
  { key: 'temp', name: 'Body temperature', loinc: ['8310-5'], mdc: { code: 150364, refid: 'MDC_TEMP_BODY' }, ucum: 'Cel', range: { min: 10, max: 50 }, class: 'spot', category: 'vital-signs', evidence: 'L: USC,CIMI,PHD,MII,FC,IOMT; M: PHD,ANT' },
  { key: 'temp_u', name: 'Temperature (unlabelled probe)', loinc: ['8310-5'], mdc: { code: 150344, refid: 'MDC_TEMP' }, ucum: 'Cel', range: { min: 10, max: 50 }, class: 'continuous', category: 'vital-signs', evidence: 'L: USC,CIMI,PHD,MII,FC,IOMT; M: PHIL,MIN,GE' },
  { key: 't_core', name: 'Core temperature', loinc: ['8310-5', '8329-5'], mdc: { code: 150368, refid: 'MDC_TEMP_CORE' }, ucum: 'Cel', range: { min: 10, max: 50 }, class: 'continuous', category: 'vital-signs', evidence: 'L: MII; M: MII,PHIL' },
  { key: 't_esoph', name: 'Oesophageal temperature', loinc: ['8310-5', '60836-4'], mdc: { code: 150372, refid: 'MDC_TEMP_ESOPH' }, ucum: 'Cel', range: { min: 10, max: 50 }, class: 'continuous', category: 'vital-signs', evidence: 'L: MII; M: MII,PHIL' },
  { key: 't_tymp', name: 'Tympanic temperature', loinc: ['8310-5', '8333-7'], mdc: { code: 150392, refid: 'MDC_TEMP_TYMP' }, ucum: 'Cel', range: { min: 10, max: 50 }, class: 'spot', category: 'vital-signs', evidence: 'L: MII; M: MII,PHIL' },
  { key: 't_rect', name: 'Rectal temperature', loinc: ['8310-5', '8332-9'], mdc: { code: 188420, refid: 'MDC_TEMP_RECT' }, ucum: 'Cel', range: { min: 10, max: 50 }, class: 'continuous', category: 'vital-signs', evidence: 'L: MII; M: MII,PHIL' },
  { key: 't_oral', name: 'Oral temperature', loinc: ['8310-5', '8331-1'], mdc: { code: 188424, refid: 'MDC_TEMP_ORAL' }, ucum: 'Cel', range: { min: 10, max: 50 }, class: 'spot', category: 'vital-signs', evidence: 'L: MII; M: MII' },
  { key: 't_ax', name: 'Axillary temperature', loinc: ['8310-5', '8328-7'], mdc: { code: 188496, refid: 'MDC_TEMP_AXILLA' }, ucum: 'Cel', range: { min: 10, max: 50 }, class: 'spot', category: 'vital-signs', evidence: 'L: MII; M: MII' },
  { key: 't_blood', name: 'Blood temperature', loinc: ['8310-5', '60834-9'], mdc: { code: 188436, refid: 'MDC_TEMP_BLD' }, ucum: 'Cel', range: { min: 10, max: 50 }, class: 'continuous', category: 'vital-signs', evidence: 'L: MII; M: MII,PHIL' },
  { key: 't_skin', name: 'Skin temperature', loinc: ['39106-0'], mdc: { code: 150388, refid: 'MDC_TEMP_SKIN' }, ucum: 'Cel', range: { min: 0, max: 50 }, class: 'continuous', category: 'exam', evidence: 'L: 2 repos; M: PHIL' },
  { key: 't_airw', name: 'Airway gas temperature', loinc: ['60955-2'], mdc: { code: 150356, refid: 'MDC_TEMP_AWAY' }, ucum: 'Cel', range: { min: 0, max: 60 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,PHIL' },

  // Capnography / gases
  { key: 'etco2', name: 'End-tidal CO2', loinc: ['19891-1'], mdc: { code: 151708, refid: 'MDC_CONC_AWAY_CO2_ET' }, ucum: 'mm[Hg]', range: { min: 0, max: 150 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,PHIL,RTM' },
  { key: 'etco2_p', name: 'End-tidal CO2 (airway)', loinc: ['19891-1'], mdc: { code: 151728, refid: 'MDC_AWAY_CO2_ET' }, ucum: 'mm[Hg]', range: { min: 0, max: 150 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: PHIL' },
  { key: 'ico2', name: 'Inspired CO2', loinc: [], mdc: { code: 151716, refid: 'MDC_CONC_AWAY_CO2_INSP' }, ucum: 'mm[Hg]', range: { min: 0, max: 50 }, class: 'continuous', category: 'procedure', evidence: 'L: –; M: GE' },
  { key: 'fio2', name: 'Inspired oxygen (FiO2), measured', loinc: ['71835-3', '3150-0'], mdc: { code: 152196, refid: 'MDC_CONC_AWAY_O2_INSP' }, ucum: '%', range: { min: 20, max: 100 }, class: 'continuous', category: 'procedure', evidence: 'L: MII,USC; M: PHIL,RTM' },
  { key: 'eto2', name: 'Exhaled oxygen', loinc: ['3147-6'], mdc: { code: 153132, refid: 'MDC_CONC_AWAY_O2_EXP' }, ucum: 'mm[Hg]', range: { min: 0, max: 800 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,RTM' },
  { key: 'o2flow', name: 'Supplemental oxygen flow', loinc: ['3151-8'], ucum: 'L/min', range: { min: 0, max: 100 }, class: 'continuous', category: 'procedure', evidence: 'L: USC; M: –' },

  // Ventilator, measured
  { key: 'vt', name: 'Tidal volume', loinc: ['76222-9'], mdc: { code: 151980, refid: 'MDC_VENT_VOL_TIDAL' }, ucum: 'mL', range: { min: 0, max: 4000 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,RTM' },
  { key: 'vt_aw', name: 'Tidal volume (airway)', loinc: ['76222-9'], mdc: { code: 151868, refid: 'MDC_VOL_AWAY_TIDAL' }, ucum: 'mL', range: { min: 0, max: 4000 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: PHIL,RTM' },
  { key: 'mv', name: 'Minute volume, inspired', loinc: ['76009-0'], mdc: { code: 152004, refid: 'MDC_VENT_VOL_MINUTE_INSP' }, ucum: 'L/min', range: { min: 0, max: 60 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,RTM' },
  { key: 'mv_aw', name: 'Minute volume (airway)', loinc: ['76009-0'], mdc: { code: 151880, refid: 'MDC_VOL_MINUTE_AWAY' }, ucum: 'L/min', range: { min: 0, max: 60 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: PHIL,RTM' },
  { key: 'rr_vent', name: 'Mechanical breath rate', loinc: ['33438-3'], mdc: { code: 151586, refid: 'MDC_VENT_RESP_RATE' }, ucum: '/min', range: { min: 0, max: 150 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,RTM' },
  { key: 'rr_spont', name: 'Spontaneous breath rate', loinc: ['19839-0'], mdc: { code: 152498, refid: 'MDC_VENT_RESP_BTSD_P_RATE' }, ucum: '/min', range: { min: 0, max: 150 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,RTM' },
  { key: 'rr_tot', name: 'Total breath rate', loinc: ['19840-8'], mdc: { code: 152490, refid: 'MDC_VENT_RESP_BTSD_PSAZC_RATE' }, ucum: '/min', range: { min: 0, max: 150 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,RTM' },
  { key: 'peep', name: 'PEEP, measured', loinc: ['76248-4'], mdc: { code: 151976, refid: 'MDC_VENT_PRESS_AWAY_END_EXP_POS' }, ucum: 'cm[H2O]', range: { min: 0, max: 100 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,PHIL,RTM' },
  { key: 'mv_exp', name: 'Minute volume, expired', loinc: [], mdc: { code: 152000, refid: 'MDC_VENT_VOL_MINUTE_EXP' }, ucum: 'L/min', range: { min: 0, max: 60 }, class: 'continuous', category: 'procedure', evidence: 'L: –; M: RTM' },
  { key: 'peept', name: 'Total PEEP', loinc: [], mdc: { code: 152788, refid: 'MDC_PRESS_AWAY_END_EXP_POS_TOTAL' }, ucum: 'cm[H2O]', range: { min: 0, max: 100 }, class: 'continuous', category: 'procedure', evidence: 'L: –; M: RTM' },
  { key: 'peepi', name: 'Intrinsic PEEP', loinc: [], mdc: { code: 151808, refid: 'MDC_PRESS_AWAY_END_EXP_POS_INTRINSIC' }, ucum: 'cm[H2O]', range: { min: 0, max: 100 }, class: 'continuous', category: 'procedure', evidence: 'L: –; M: PHIL,RTM' },
  { key: 'ppeak', name: 'Peak airway pressure', loinc: ['76531-3'], mdc: { code: 151957, refid: 'MDC_VENT_PRESS_MAX' }, ucum: 'cm[H2O]', range: { min: 0, max: 150 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII' },
  { key: 'pip', name: 'Peak inspiratory pressure', loinc: ['76531-3'], mdc: { code: 151973, refid: 'MDC_VENT_PRESS_AWAY_MAX' }, ucum: 'cm[H2O]', range: { min: 0, max: 150 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,RTM' },
  { key: 'pmean', name: 'Mean airway pressure', loinc: ['76530-5'], mdc: { code: 151975, refid: 'MDC_VENT_PRESS_AWAY_MEAN' }, ucum: 'cm[H2O]', range: { min: 0, max: 100 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,RTM' },
  { key: 'pplat', name: 'Plateau pressure', loinc: ['76259-1'], mdc: { code: 152424, refid: 'MDC_VENT_PRESS_RESP_PLAT' }, inputMdc: [151960], ucum: 'cm[H2O]', range: { min: 0, max: 120 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,PHIL,RTM' },
  { key: 'pplat_v', name: 'Plateau pressure (airway)', loinc: ['76259-1'], mdc: { code: 151784, refid: 'MDC_PRESS_RESP_PLAT' }, ucum: 'cm[H2O]', range: { min: 0, max: 120 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: PHIL,MIN' },
  { key: 'dp', name: 'Driving pressure', loinc: ['76154-4'], mdc: { code: 152720, refid: 'MDC_VENT_PRESS_AWAY_DELTA' }, ucum: 'cm[H2O]', range: { min: 0, max: 100 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,RTM' },
  { key: 'ie', name: 'I:E ratio', loinc: ['75931-6'], mdc: { code: 151832, refid: 'MDC_RATIO_IE' }, ucum: '{ratio}', range: { min: 0.05, max: 10 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,PHIL,RTM' },
  { key: 'cdyn', name: 'Dynamic compliance', loinc: ['60827-3'], mdc: { code: 152600, refid: 'MDC_COMPL_LUNG_DYNAMIC' }, inputMdc: [151692], ucum: 'mL/cm[H2O]', range: { min: 0, max: 300 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: RTM' },
  { key: 'crs', name: 'Compliance of the respiratory system', loinc: [], mdc: { code: 151688, refid: 'MDC_COMPL_LUNG' }, ucum: 'mL/cm[H2O]', range: { min: 0, max: 300 }, class: 'continuous', category: 'procedure', evidence: 'L: –; M: PHIL,RTM' },
  { key: 'cstat', name: 'Static compliance', loinc: [], mdc: { code: 151696, refid: 'MDC_COMPL_LUNG_STATIC' }, ucum: 'mL/cm[H2O]', range: { min: 0, max: 300 }, class: 'continuous', category: 'procedure', evidence: 'L: –; M: PHIL,RTM' },
  { key: 'raw', name: 'Airway resistance', loinc: [], mdc: { code: 151840, refid: 'MDC_RES_AWAY' }, ucum: 'cm[H2O].s/L', range: { min: 0, max: 500 }, class: 'continuous', category: 'procedure', evidence: 'L: –; M: PHIL,RTM' },
  { key: 'iflow', name: 'Inspiratory flow', loinc: ['60794-5'], mdc: { code: 151948, refid: 'MDC_VENT_FLOW_INSP' }, ucum: 'L/min', range: { min: 0, max: 300 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,PHIL,RTM' },
  { key: 'eflow', name: 'Expiratory flow', loinc: ['60792-9'], mdc: { code: 151944, refid: 'MDC_VENT_FLOW_EXP' }, ucum: 'L/min', range: { min: 0, max: 300 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,RTM' },
  { key: 'pf', name: 'PaO2/FiO2 ratio (Horowitz)', loinc: ['50984-4'], mdc: { code: 150656, refid: 'MDC_O2_OXYGENATION_RATIO' }, ucum: 'mm[Hg]', range: { min: 0, max: 800 }, class: 'continuous', category: 'procedure', evidence: 'L: MII; M: MII,RTM' },
  { key: 'rsbi', name: 'Rapid shallow breathing index', loinc: [], mdc: { code: 152860, refid: 'MDC_RESP_RAPID_SHALLOW_BREATHING_INDEX' }, ucum: '/min/L', range: { min: 0, max: 500 }, class: 'continuous', category: 'procedure', evidence: 'L: –; M: RTM' },

  // Ventilator, settings
  { key: 'fio2_set', name: 'Inspired oxygen (FiO2), set', loinc: ['19994-3'], ucum: '%', range: { min: 21, max: 100 }, class: 'setting', category: 'procedure', evidence: 'L: MII; M: –' },
  { key: 'vt_set', name: 'Tidal volume, set', loinc: ['20112-9'], mdc: { code: 16929196, refid: 'MDC_VENT_VOL_TIDAL_SETTING' }, ucum: 'mL', range: { min: 0, max: 4000 }, class: 'setting', category: 'procedure', evidence: 'L: MII; M: MII,RTM' },
  { key: 'rr_set', name: 'Breath rate, set', loinc: ['19834-1'], ucum: '/min', range: { min: 0, max: 150 }, class: 'setting', category: 'procedure', evidence: 'L: 2 repos; M: –' },
  { key: 'peep_set', name: 'PEEP, set', loinc: ['20077-4'], ucum: 'cm[H2O]', range: { min: 0, max: 100 }, class: 'setting', category: 'procedure', evidence: 'L: MIMIC,SANER; M: –' },
  { key: 'ps_set', name: 'Pressure support, set', loinc: ['20079-0'], ucum: 'cm[H2O]', range: { min: 0, max: 100 }, class: 'setting', category: 'procedure', evidence: 'L: MII; M: –' },
  { key: 'ti_set', name: 'Inspiratory time, set', loinc: ['76334-2'], mdc: { code: 16929632, refid: 'MDC_VENT_TIME_PD_INSP_SETTING' }, ucum: 's', range: { min: 0, max: 10 }, class: 'setting', category: 'procedure', evidence: 'L: MII; M: MII' },
  { key: 'flow_set', name: 'Inspiratory flow, set', loinc: ['76275-7'], ucum: 'L/min', range: { min: 0, max: 200 }, class: 'setting', category: 'procedure', evidence: 'L: MII; M: –' },

  // RPM / body / glucose / spirometry
  { key: 'weight', name: 'Body weight', loinc: ['29463-7'], mdc: { code: 188736, refid: 'MDC_MASS_BODY_ACTUAL' }, ucum: 'kg', range: { min: 0.3, max: 500 }, class: 'spot', category: 'vital-signs', evidence: 'L: USC,CIMI,POCD,MII,FC,IOMT; M: CTN,ANT' },
  { key: 'height', name: 'Body height', loinc: ['8302-2'], mdc: { code: 188740, refid: 'MDC_LEN_BODY_ACTUAL' }, ucum: 'cm', range: { min: 20, max: 260 }, class: 'spot', category: 'vital-signs', evidence: 'L: USC,CIMI,POCD,MII,FC,IOMT; M: CTN' },
  { key: 'bmi', name: 'Body mass index', loinc: ['39156-5'], mdc: { code: 188752, refid: 'MDC_RATIO_MASS_BODY_LEN_SQ' }, ucum: 'kg/m2', range: { min: 5, max: 150 }, class: 'spot', category: 'vital-signs', valueRequired: true, evidence: 'L: USC,CIMI,FC; M: CTN' },
  { key: 'fat', name: 'Body fat', loinc: ['41982-0'], mdc: { code: 188748, refid: 'MDC_BODY_FAT' }, ucum: '%', range: { min: 1, max: 80 }, class: 'spot', category: 'exam', evidence: 'L: OMH; M: ANT' },
  { key: 'glu', name: 'Glucose, capillary blood', loinc: ['41653-7'], mdc: { code: 160184, refid: 'MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD' }, ucum: 'mg/dL', range: { min: 10, max: 900 }, class: 'spot', category: 'laboratory', evidence: 'L: IOMT; M: PHD' },
  { key: 'glu_si', name: 'Glucose, blood (molar)', loinc: ['15074-8'], mdc: { code: 160184, refid: 'MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD' }, ucum: 'mmol/L', range: { min: 0.5, max: 50 }, class: 'spot', category: 'laboratory', evidence: 'L: FC; M: PHD' },
  { key: 'pef', name: 'Peak expiratory flow', loinc: ['19935-6'], mdc: { code: 152584, refid: 'MDC_FLOW_AWAY_EXP_FORCED_PEAK' }, ucum: 'L/min', range: { min: 30, max: 900 }, class: 'spot', category: 'procedure', evidence: 'L: HK; M: RTM' },
  { key: 'fvc', name: 'Forced vital capacity (FVC)', loinc: ['19868-9'], mdc: { code: 188928, refid: 'MDC_VOL_AWAY_EXP_FORCED_CAPACITY' }, ucum: 'L', range: { min: 0.1, max: 10 }, class: 'spot', category: 'procedure', evidence: 'L: 1 repo; M: RTM' },
  { key: 'fev1', name: 'Forced expiratory volume in 1 s (FEV1)', loinc: ['20150-9'], mdc: { code: 152586, refid: 'MDC_VOL_AWAY_EXP_FORCED_1S' }, ucum: 'L', range: { min: 0.1, max: 8 }, class: 'spot', category: 'procedure', evidence: 'L: HK; M: RTM' },
  { key: 'steps', name: 'Steps', loinc: ['55423-8'], ucum: '{steps}', range: { min: 0, max: 200000 }, class: 'spot', category: 'activity', evidence: 'L: IOMT,OMH; M: –' },

  // Waveforms
  { key: 'w_ecg1', name: 'ECG lead I', loinc: [], mdc: { code: 131329, refid: 'MDC_ECG_LEAD_I' }, ucum: 'mV', range: { min: -10, max: 10 }, class: 'waveform', category: 'procedure', evidence: 'L: –; M: PHD,POCD,PHIL' },
  { key: 'w_ecg2', name: 'ECG lead II', loinc: [], mdc: { code: 131330, refid: 'MDC_ECG_LEAD_II' }, ucum: 'mV', range: { min: -10, max: 10 }, class: 'waveform', category: 'procedure', evidence: 'L: –; M: POCD,PHIL' },
  { key: 'w_pleth', name: 'Plethysmogram', loinc: [], mdc: { code: 150452, refid: 'MDC_PULS_OXIM_PLETH' }, ucum: '1', class: 'waveform', category: 'procedure', evidence: 'L: –; M: PHD,PHIL' },
  { key: 'w_resp', name: 'Respiration (impedance)', loinc: [], mdc: { code: 151552, refid: 'MDC_RESP' }, ucum: '1', class: 'waveform', category: 'procedure', evidence: 'L: –; M: PHIL' },
  { key: 'w_art', name: 'Arterial pressure wave', loinc: [], mdc: { code: 150036, refid: 'MDC_PRESS_BLD_ART_ABP' }, ucum: 'mm[Hg]', range: { min: -50, max: 400 }, class: 'waveform', category: 'procedure', evidence: 'L: –; M: PHIL' },
  { key: 'w_co2', name: 'CO2 wave', loinc: [], mdc: { code: 151724, refid: 'MDC_AWAY_CO2' }, ucum: 'mm[Hg]', range: { min: 0, max: 150 }, class: 'waveform', category: 'procedure', evidence: 'L: –; M: PHIL' },
];

/**
 * LOINC long common names, where they are known for certain (R4 vital-signs profiles, examples of the MII ICU module, LOINC itself). A code
 * that is missing here is written without a display: a display of one's own making would be a false statement about LOINC.
 * This content is from LOINC (http://loinc.org), © Regenstrief Institute, Inc., available at no cost under http://loinc.org/license.
 */
export const LOINC_NAMES: Readonly<Record<string, string>> = {
  '8867-4': 'Heart rate',
  '8889-8': 'Heart rate by Pulse oximetry',
  '8634-8': 'Q-T interval',
  '2708-6': 'Oxygen saturation in Arterial blood',
  '59408-5': 'Oxygen saturation in Arterial blood by Pulse oximetry',
  '61006-3': 'Perfusion index Tissue by Pulse oximetry',
  '9279-1': 'Respiratory rate',
  '85354-9': 'Blood pressure panel with all children optional',
  '8480-6': 'Systolic blood pressure',
  '8462-4': 'Diastolic blood pressure',
  '8478-0': 'Mean blood pressure',
  '8440-0': 'Pulmonary artery Systolic blood pressure',
  '8385-7': 'Pulmonary artery Diastolic blood pressure',
  '8414-5': 'Pulmonary artery Mean blood pressure',
  '75994-4': 'Pulmonary artery Wedge pressure',
  '60985-9': 'Central venous pressure (CVP)',
  '60956-0': 'Intracranial pressure (ICP)',
  '8741-1': 'Left ventricular Cardiac output',
  '20562-5': 'Left ventricular Stroke volume',
  '8837-7': 'Systemic vascular resistance index',
  '8310-5': 'Body temperature',
  '8329-5': 'Body temperature - Core',
  '60836-4': 'Esophageal temperature',
  '8333-7': 'Tympanic membrane temperature',
  '8332-9': 'Rectal temperature',
  '8331-1': 'Oral temperature',
  '8328-7': 'Axillary temperature',
  '60834-9': 'Blood temperature',
  '39106-0': 'Temperature of Skin',
  '60955-2': 'Airway temperature',
  '19891-1': 'Carbon dioxide [Partial pressure] in Exhaled gas --at end expiration',
  '71835-3': 'Oxygen/Gas total [Pure volume fraction] Inhaled gas',
  '3150-0': 'Inhaled oxygen concentration',
  '3147-6': 'Oxygen [Partial pressure] in Exhaled gas',
  '3151-8': 'Inhaled oxygen flow rate',
  '76222-9': 'Tidal volume Ventilator --on ventilator',
  '76009-0': 'Inspired minute Volume during Mechanical ventilation',
  '33438-3': 'Breath rate mechanical --on ventilator',
  '19839-0': 'Breath rate spontaneous --on ventilator',
  '76248-4': 'PEEP Respiratory system --on ventilator',
  '76531-3': 'Pressure.max Respiratory system airway --on ventilator',
  '76530-5': 'Mean pressure Respiratory system airway --on ventilator',
  '76259-1': 'Pressure.plateau Respiratory system airway --on ventilator',
  '76154-4': 'Airway pressure delta --on ventilator',
  '75931-6': 'Inspiration/Expiration time Ratio',
  '60827-3': 'Dynamic lung compliance',
  '60794-5': 'Inspiratory gas flow Respiratory system airway --on ventilator',
  '60792-9': 'Expiratory gas flow Respiratory system airway --on ventilator',
  '50984-4': 'Horowitz index in Arterial blood',
  '19994-3': 'Oxygen/Total gas setting [Volume Fraction] Ventilator',
  '20112-9': 'Tidal volume setting Ventilator',
  '19834-1': 'Breath rate setting Ventilator',
  '20077-4': 'Positive end expiratory pressure setting Ventilator',
  '20079-0': 'Pressure support setting Ventilator',
  '76334-2': 'Inspiratory time setting Ventilator',
  '76275-7': 'Inspiratory flow setting Ventilator',
  '29463-7': 'Body weight',
  '8302-2': 'Body height',
  '39156-5': 'Body mass index (BMI) [Ratio]',
  '41982-0': 'Percentage of body fat Measured',
  '41653-7': 'Glucose [Mass/volume] in Capillary blood by Glucometer',
  '15074-8': 'Glucose [Moles/volume] in Blood',
};
