import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { z } from 'zod';
import type { Instant } from '../../shared/clock.ts';
import { parseConfig } from '../../shared/config.ts';
import { asVitalmeshError, VitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { NotInForce } from '../access/rules/reloads.ts';
import { refuseUnplain } from '../plain-yaml.ts';
import { revisionOf } from '../registry/load-registry.ts';

/** What a file of the site's own clinical rules holds, and by what it is known: first 12 hexadecimal digits of its SHA-256. */
export interface SiteRules<T> {
  revision: string;
  rules: T;
}

/** Reads such a file. One with any error is refused whole: CLINICAL-INVALID, with every problem on a line of its own and nothing of what stands there. */
export function loadSiteFile<T>(schema: z.ZodType<T>, path: string): SiteRules<T> {
  return parseSiteFile(schema, textOf(path), basename(path));
}

/** The same from the text of the file. */
export function parseSiteFile<T>(schema: z.ZodType<T>, text: string, name: string): SiteRules<T> {
  try {
    const rules = parseConfig(schema, text, { name, code: 'CLINICAL-INVALID', hideKeys: true });
    refuseUnplain(text, { name, code: 'CLINICAL-INVALID', quotedKeys: true });
    return { revision: revisionOf(text), rules };
  } catch (cause) {
    const error = asVitalmeshError(cause);
    if (error.code !== 'CONFIG-YAML') throw error;
    throw new VitalmeshError('CLINICAL-INVALID', { cause, ...(error.detail === undefined ? {} : { detail: error.detail }) });
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new VitalmeshError('CLINICAL-INVALID', { detail: `${path} (${(cause as NodeJS.ErrnoException).code ?? 'unreadable'})`, cause });
  }
}

export interface SiteFileOptions<T> {
  schema: z.ZodType<T>;
  /** Undefined where the site has none: then the same rules are in force for good. */
  path: string | undefined;
  /** In force without a file. */
  none: T;
  /** Records a change in the evidence; what it throws keeps the change out. */
  record?: (revision: string) => Promise<void>;
  clock: { now(): Instant };
  log: Logger;
}

/** The rules of a site file in force: read at the start, and anew at SIGHUP; a file that is refused leaves the last good one there. */
export class SiteFile<T> {
  readonly #options: SiteFileOptions<T>;
  #current: SiteRules<T>;
  #refused: NotInForce | undefined;

  /** Throws CLINICAL-INVALID. */
  constructor(options: SiteFileOptions<T>) {
    this.#options = options;
    const { schema, path, none } = options;
    this.#current = path === undefined ? { revision: 'built-in', rules: none } : loadSiteFile(schema, path);
  }

  get current(): SiteRules<T> {
    return this.#current;
  }

  /** The file on disk, where it is not in force because it was refused. */
  notInForce(): readonly NotInForce[] {
    return this.#refused ? [this.#refused] : [];
  }

  /** Puts a changed file in force; resolves with whether there was one. Never rejects: what is wrong is logged and in `notInForce`. */
  async reload(): Promise<boolean> {
    const { schema, path, record, clock, log } = this.#options;
    if (path === undefined) return false;
    try {
      const next = loadSiteFile(schema, path);
      const isNew = next.revision !== this.#current.revision;
      if (isNew) await record?.(next.revision);
      this.#current = next;
      this.#refused = undefined;
      if (isNew) log.info({ file: path, revision: next.revision }, 'clinical rules read again');
      return isNew;
    } catch (thrown) {
      const err = asVitalmeshError(thrown);
      const detail = err.detail?.split('\n')[0] ?? null;
      this.#refused = { file: path, since: this.#refused?.since ?? clock.now(), code: err.code, detail };
      log.error({ err, file: path }, 'clinical rules left as they were');
      return false;
    }
  }
}
