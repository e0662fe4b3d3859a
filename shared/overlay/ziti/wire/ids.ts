/** Content types of the channel and of the edge protocol (openziti-wire.md §5). */
export const CONTENT = {
  hello: 0,
  ping: 1,
  result: 2,
  latency: 3,
  latencyResponse: 4,
  heartbeat: 5,
  payload: 1100,
  acknowledgement: 1101,
  control: 1102,
  payloadClose: 1103,
  postureResponse: 10800,
  connect: 60783,
  stateConnected: 60784,
  stateClosed: 60785,
  data: 60786,
  dial: 60787,
  dialSuccess: 60788,
  dialFailed: 60789,
  bind: 60790,
  unbind: 60791,
  sessionEnded: 60792,
  probe: 60793,
  updateBind: 60794,
  healthEvent: 60795,
  traceRoute: 60796,
  traceRouteResponse: 60797,
  connInspectRequest: 60798,
  connInspectResponse: 60799,
  bindSuccess: 60800,
  updateTokenSuccess: 60801,
  updateTokenFailure: 60802,
  updateToken: 60803,
  inspectRequest: 60804,
  inspectResponse: 60805,
} as const;

/** Header ids (openziti-wire.md §4, §5). */
export const HEADER = {
  connectionId: 0,
  replyFor: 1,
  resultSuccess: 2,
  helloVersion: 4,
  type: 7,
  id: 8,
  isGrouped: 9,
  groupSecret: 10,
  isFirstGroupConnection: 11,
  underlayType: 12,
  reflected: 128,
  connId: 1000,
  seq: 1001,
  sessionToken: 1002,
  publicKey: 1003,
  cost: 1004,
  precedence: 1005,
  terminatorIdentity: 1006,
  terminatorIdentitySecret: 1007,
  callerId: 1008,
  cryptoMethod: 1009,
  flags: 1010,
  appData: 1011,
  routerProvidedConnId: 1012,
  healthStatus: 1013,
  errorCode: 1014,
  timestamp: 1015,
  traceHopCount: 1016,
  traceHopType: 1017,
  traceHopId: 1018,
  traceSourceRequestId: 1019,
  traceError: 1020,
  listenerId: 1021,
  connType: 1022,
  supportsInspect: 1023,
  supportsBindSuccess: 1024,
  connectionMarker: 1025,
  circuitId: 1026,
  stickinessToken: 1027,
  useXgressToSdk: 1028,
  supportsPostureChecks: 1032,
  structuredError: 1033,
  dialerIdentityId: 1034,
  dialerIdentityName: 1035,
} as const;

/** Bits of header 1010. */
export const FLAG = { fin: 1, traceUuid: 2, multipart: 4, stream: 8, multipartMessage: 16 } as const;

/** Header 1022: what an inspected connection id belongs to. */
export const CONN_TYPE = { invalid: 0, dial: 1, bind: 2, unknown: 3 } as const;

/** Header 1014 and `code` of header 1033 (openziti.md §5). */
export const EDGE_ERROR = {
  internal: 1,
  invalidApiSession: 2,
  invalidSession: 3,
  wrongSessionType: 4,
  invalidEdgeRouterForSession: 5,
  invalidService: 6,
  tunnelingNotEnabled: 7,
  invalidTerminator: 8,
  invalidPrecedence: 9,
  invalidCost: 10,
  encryptionDataMissing: 11,
  invalidApiSessionType: 12,
  invalidInstanceId: 13,
  accessDenied: 14,
  postureCheckFailed: 15,
} as const;

/** `retryHint` of header 1033. */
export const RETRY_HINT = { default: 0, tooBusy: 1, startOver: 2, notRetriable: 3 } as const;

/** Where a router's connection ids begin; a client's lie below, from 1 on. */
export const FIRST_ROUTER_CONN_ID = 0x8000_0000;

/** The name of a content type, for people to read. */
export function contentName(type: number): string {
  return Object.entries(CONTENT).find(([, id]) => id === type)?.[0] ?? `type ${type}`;
}
