import type { ContentBlock } from '@modelcontextprotocol/server';

/** One red pixel. */
export const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC';
/** Two samples of silence, 8 bits at 8 kHz. */
const WAV = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQIAAACAgA==';

export const IMAGE = { type: 'image', data: PNG, mimeType: 'image/png' } as const satisfies ContentBlock;
export const AUDIO = { type: 'audio', data: WAV, mimeType: 'audio/wav' } as const satisfies ContentBlock;

export function words(text: string): { type: 'text'; text: string } {
  return { type: 'text', text };
}

export function embedded(
  uri: string,
  mimeType: string,
  text: string,
): { type: 'resource'; resource: { uri: string; mimeType: string; text: string } } {
  return { type: 'resource', resource: { uri, mimeType, text } };
}
