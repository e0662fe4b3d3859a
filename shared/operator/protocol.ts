/** The longest path a Unix socket may have on Linux, without the terminating zero (unix(7), sun_path). */
export const MAX_SOCKET_PATH_BYTES = 107;

/** Largest request and largest single row of an answer, in bytes. */
export const MAX_REQUEST_BYTES = 64 * 1024;
export const MAX_LINE_BYTES = 4 * 1024 * 1024;

/** Answers under way at a time; a caller beyond them is told OPERATOR-BUSY. */
export const MAX_ANSWERS = 16;

/** One line of an answer. A stream ends with `end`; without it, it was cut off. */
export type OperatorLine = { row: unknown } | { end: true } | { error: { code: string; detail?: string } };
