const MAX_CHARACTERS = 200;
/** Of UTF-8; what is beyond is not looked at. */
const MAX_BYTES = 4096;
/** A UUID has 36 characters, the parts of a JWT that are worth something have more; words and names that a router says have fewer. */
const MIN_TOKEN_CHARACTERS = 32;
const TOKEN = new RegExp(`[\\w+/=~-]{${MIN_TOKEN_CHARACTERS},}`, 'g');

/** What a router says: one line, without control characters or broken ones, of bounded length. It may quote a token; for a log see `quotable`. */
export function routerText(bytes: Buffer | undefined): string {
  return cut(oneLine(bytes));
}

/** The same, fit for a message or a log: whatever is long enough to be a token is left out. */
export function quotable(bytes: Buffer | undefined): string {
  const text = oneLine(bytes).replaceAll(TOKEN, '…');
  // At the byte limit a token may have been cut to less than its length.
  return cut(bytes && bytes.length > MAX_BYTES ? text.slice(0, -MIN_TOKEN_CHARACTERS) : text);
}

function oneLine(bytes: Buffer | undefined): string {
  const text = bytes?.toString('utf8', 0, MAX_BYTES) ?? '';
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}\ufffd]+/gu, ' ');
}

function cut(text: string): string {
  return text.slice(0, MAX_CHARACTERS).trim();
}
