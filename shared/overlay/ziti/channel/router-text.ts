const MAX_CHARACTERS = 200;

/** What a router says, fit for a message or a log: one line, without control characters or broken ones, of bounded length. */
export function routerText(bytes: Buffer | undefined): string {
  const text = bytes?.toString('utf8', 0, 4 * MAX_CHARACTERS) ?? '';
  return text
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}\ufffd]+/gu, ' ')
    .slice(0, MAX_CHARACTERS)
    .trim();
}
