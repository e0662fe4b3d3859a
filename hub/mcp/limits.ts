/** Bounds of the MCP endpoint. Times in milliseconds, sizes in bytes. */
export interface McpLimits {
  /** Largest request body. */
  bodyBytes: number;
  /** Deepest nesting of arrays and objects in a body. */
  jsonDepth: number;
  connections: number;
  connectionsPerCaller: number;
  /** Requests under way at the same time on one connection. */
  requestsPerConnection: number;
  /** For the head of a request. */
  headersMs: number;
  /** For a whole request. */
  requestMs: number;
  /** How often those two are checked. */
  checkMs: number;
  /** How long a connection may stay open without a request. */
  idleMs: number;
  /** How long an answer that is not an event stream may take to be read. */
  exchangeMs: number;
  urisPerStream: number;
  streamsPerCaller: number;
  /** Event streams and sessions that a caller may open in a minute, and at once: each costs a row of evidence a patient. */
  opensPerMinute: number;
  opensBurst: number;
  /** At most one notification per resource in this time, after the first, which goes at once. */
  coalesceMs: number;
  /** The same of a whole ward or panel, which is more to read; not less than `coalesceMs`. */
  groupCoalesceMs: number;
  /** How long a reader of an event stream may stop reading before it is cut off. */
  stallMs: number;
  keepAliveMs: number;
  /** Sessions of 2025-11-25. */
  sessions: number;
  sessionsPerCaller: number;
  /** How long a session lives without a request and without an open stream. */
  sessionIdleMs: number;
  /** How often rights, sessions and connections are looked over: what was taken back acts within a second. */
  sweepMs: number;
  /** Entries of one page of a list. */
  page: number;
}

export const DEFAULT_LIMITS: McpLimits = {
  bodyBytes: 1024 * 1024,
  jsonDepth: 64,
  connections: 2048,
  connectionsPerCaller: 128,
  requestsPerConnection: 16,
  headersMs: 10_000,
  requestMs: 30_000,
  checkMs: 5_000,
  idleMs: 120_000,
  exchangeMs: 60_000,
  urisPerStream: 256,
  streamsPerCaller: 8,
  opensPerMinute: 30,
  opensBurst: 20,
  coalesceMs: 250,
  groupCoalesceMs: 1000,
  stallMs: 30_000,
  keepAliveMs: 15_000,
  sessions: 1024,
  sessionsPerCaller: 32,
  sessionIdleMs: 600_000,
  sweepMs: 500,
  page: 100,
};
