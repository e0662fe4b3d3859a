/** A code or a ticket: no blanks, so that nobody writes about people where it stays. */
export const REASON = /^[A-Za-z0-9][A-Za-z0-9._:/#-]{0,63}$/;
