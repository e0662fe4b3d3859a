import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseConfig } from '../../shared/config.ts';
import { asVitalmeshError, VitalmeshError } from '../../shared/errors.ts';
import { refuseUnplain } from '../plain-yaml.ts';
import type { Policy } from './policy.ts';
import { policySchema } from './policy-schema.ts';

/** Reads `policy.yaml`. A file with any error is refused whole: POLICY-INVALID, with every problem on a line of its own (`policy.yaml:12: rules[0].roles[1]: …`). */
export function loadPolicy(path: string): Policy {
  return parsePolicy(readPolicyText(path), basename(path));
}

/** What policy.yaml holds. Throws POLICY-INVALID when it cannot be read. */
export function readPolicyText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new VitalmeshError('POLICY-INVALID', { detail: `${path} (${(cause as NodeJS.ErrnoException).code ?? 'unreadable'})`, cause });
  }
}

/** A policy from the text of its file; errors as of `loadPolicy`. */
export function parsePolicy(text: string, name = 'policy.yaml'): Policy {
  try {
    const file = parseConfig(policySchema, text, { name, code: 'POLICY-INVALID' });
    refuseUnplain(text, { name, code: 'POLICY-INVALID' });
    return { version: createHash('sha256').update(text).digest('hex').slice(0, 12), ...file };
  } catch (cause) {
    const error = asVitalmeshError(cause);
    if (error.code !== 'CONFIG-YAML') throw error;
    throw new VitalmeshError('POLICY-INVALID', { cause, ...(error.detail === undefined ? {} : { detail: error.detail }) });
  }
}
