import { panelsLike, patientsLike, wardsLike } from '../resources/variables.ts';
import type { PromptArgument } from './contract.ts';

export const patientOf: PromptArgument = {
  description: 'Opaque patient id, as find_patients gives it.',
  required: true,
  completes: patientsLike,
};
export const wardOf: PromptArgument = { description: 'Ward whose patients this caller may see.', required: true, completes: wardsLike };
export const panelOf: PromptArgument = { description: 'Panel whose patients this caller may see.', required: true, completes: panelsLike };

const HOURS = ['12', '24', '8'];
export const hoursOf: PromptArgument = {
  description: 'Length of the shift in hours: 8, 12 or 24; 12 unless given.',
  required: false,
  isFixed: true,
  completes: async (typed) => HOURS.filter((hours) => hours.startsWith(typed)),
};
