import { formatInstant, type Instant } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';

const TEXTS = {
  'PATIENT-HAND-LOST': 'what was said by hand of who lies where is gone',
  'AMEND-LOST': 'what people decided about readings is gone',
} as const;

/** Of which time what people said is gone. */
interface Lost {
  tenant: string;
  from: Instant;
  found: Instant;
}

/** Warns of everything that was lost and not confirmed, each once while the hub runs; to be called whenever more may have been found. Gives how to. */
export function lostLog(log: Pick<Logger, 'warn'>, code: keyof typeof TEXTS, lost: () => readonly Lost[]): () => void {
  const told = new Set<string>();
  return () => {
    for (const { tenant, from, found } of lost()) {
      const key = JSON.stringify([tenant, from, found]);
      if (told.has(key)) continue;
      told.add(key);
      const err = new VitalmeshError(code, { detail: `${formatInstant(from)} to ${formatInstant(found)}` });
      log.warn({ tenant, from: formatInstant(from), found: formatInstant(found), err }, TEXTS[code]);
    }
  };
}
