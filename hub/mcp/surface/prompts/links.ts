import { latestUri, uriOf } from '../../uris.ts';
import type { PromptLink } from './contract.ts';

export function latestLink(patient: string): PromptLink {
  return { uri: latestUri(patient), name: `latest-${patient}`, description: 'What is current of this patient.' };
}

export function alertsLink(id: string): PromptLink {
  return { uri: uriOf('alerts', { id }), name: `alerts-${id}`, description: 'What devices told of alerts, and which could tell of any.' };
}

export function gapsLink(id: string): PromptLink {
  return { uri: uriOf('gaps', { id }), name: `gaps-${id}`, description: 'Data that were measured and will never arrive.' };
}

export function wardLink(ward: string): PromptLink {
  return { uri: uriOf('ward', { ward }), name: 'ward-latest', description: 'What is current of everybody in the ward.' };
}

export function worklistLink(panel: string): PromptLink {
  return {
    uri: uriOf('worklist', { panel }),
    name: 'panel-worklist',
    description: 'What is due of everybody on the panel, and what did not come.',
  };
}
