import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ALERT_FACETS } from '../../shared/alert.ts';

const TOOL = fileURLToPath(new URL('../../../shared/tools/fhir-validate/validate.sh', import.meta.url));

const OURS = 'https://vitalmesh.org/fhir/CodeSystem/';
/** Code systems of Vitalmesh, which HAPI cannot know, and those of senders' own alert codes, as many as there are senders. */
const OWN_SYSTEMS = [
  `${OURS}observation-category`,
  `${OURS}resource`,
  ...Object.keys(ALERT_FACETS).map((name) => `${OURS}alert-${name}`),
  ...['gap-part', 'gap-reason', 'row-class', 'vital'].map((name) => `${OURS}${name}`),
];
const SENDERS_SYSTEM = /urn:vitalmesh:alert-code:[^"]+/g;

/** What HAPI found; `text` is its whole report, for a person. */
export interface HapiResult {
  resources: number;
  valid: number;
  errors: number;
  /** Profiles that were applied, with how often. */
  profiles: Readonly<Record<string, number>>;
  text: string;
}

/** Validates resources, one a line, with HAPI FHIR and the R4 vital-signs profiles, offline. Rejects when Java, Maven or the tool is missing. */
export async function hapiValidate(ndjson: string): Promise<HapiResult> {
  if (!existsSync(TOOL)) throw new Error(`The validator is missing: ${TOOL}`);
  const systems = new Set([...OWN_SYSTEMS, ...(ndjson.match(SENDERS_SYSTEM) ?? [])]);
  const child = spawn(TOOL, ['--json', ...[...systems].flatMap((system) => ['--allow-system', system]), '-'], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  // A tool that ends early closes its input; its exit code tells why.
  child.stdin.on('error', () => undefined);
  child.stdin.end(ndjson);
  const exit = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  const text = Buffer.concat(out).toString('utf8');
  if (exit !== 0 && exit !== 1) throw new Error(`The validator ended with ${exit}: ${Buffer.concat(err).toString('utf8').slice(-2000)}`);
  const report = JSON.parse(text) as { resources: number; valid: number; errors: number; profilesApplied: Record<string, number> };
  return { resources: report.resources, valid: report.valid, errors: report.errors, profiles: report.profilesApplied, text };
}
