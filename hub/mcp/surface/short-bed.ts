const MOST_BYTES = 40;

/** A bed as an answer with a ceiling names it: whole characters of it, as JSON of at most 40 bytes. Pure. */
export function shortBed(bed: string): string {
  if (Buffer.byteLength(JSON.stringify(bed)) <= MOST_BYTES) return bed;
  let short = '';
  for (const character of bed) {
    if (Buffer.byteLength(JSON.stringify(`${short}${character}…`)) > MOST_BYTES) break;
    short += character;
  }
  return `${short}…`;
}
