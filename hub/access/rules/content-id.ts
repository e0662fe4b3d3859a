import { readFileSync } from 'node:fs';
import { revisionOf } from '../../registry/load-registry.ts';

/** By what a registry or policy is known that a file holds now, as `Registry.revision` and `Policy.version`; undefined where it cannot be read. */
export function contentId(path: string): string | undefined {
  try {
    return revisionOf(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
