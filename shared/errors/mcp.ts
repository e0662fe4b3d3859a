import type { ErrorEntry } from './entry.ts';

/** Of AI clients. */
export const MCP_ERRORS = {
  'MCP-LIMIT': { message: 'A limit of this connection was reached.', advice: 'Close what is not needed, or wait.', retryable: true },
  'MCP-REQUEST': {
    message: 'The HTTP request breaks a rule of this endpoint.',
    advice:
      'POST one message of JSON to /mcp and accept application/json and text/event-stream, with the service name as Host and without Origin.',
    retryable: false,
  },
  'MCP-JSON': {
    message: 'The body of a request is not JSON that is read here.',
    advice: 'Send one JSON-RPC message in UTF-8.',
    retryable: false,
  },
  'MCP-METHOD': {
    message: 'The hub does not serve this method.',
    advice: 'Ask what it serves: initialize or server/discover, tools/list, resources/list. It asks its callers nothing and runs no tasks.',
    retryable: false,
  },
  'MCP-ID': {
    message: 'The id of a request is not one that is taken here.',
    advice: 'Use a text of at most 128 characters, or a whole number below 2^53.',
    retryable: false,
  },
  'CONNECT-LISTEN': {
    message: 'The address on this machine cannot be listened on.',
    advice: 'Another program may have the port: name another one, or 0 for any that is free.',
    retryable: false,
  },
  'CONNECT-REQUEST': {
    message: 'The request breaks a rule of the address on which `vitalmesh connect` listens.',
    advice:
      'Send it to the very address that the command printed, /mcp, with that address and port as Host (or localhost and the port), and without Origin: no page of a browser may ask here.',
    retryable: false,
  },
  'CONNECT-BEARER': {
    message: 'The request does not show the bearer of `vitalmesh connect`.',
    advice: 'Send `Authorization: Bearer …` with what stands in the file that --bearer names, or what the command printed.',
    retryable: false,
  },
  'MCP-SESSION': { message: 'There is no such session.', advice: 'Initialize a new one.', retryable: true },
  'MCP-CANCELLED': { message: 'The caller took its question back.', advice: 'Ask again when the answer is wanted.', retryable: false },
  'MCP-CONFORMANCE': {
    message: 'The conformance mode is for a hub that serves no people.',
    advice:
      'Run it with a registry.yaml of which every tenant is `kind: sandbox`, a store without data of others, and no `access.issuers`; `--conformance` names a client of that ' +
      'registry by its overlay identity. A hub in use is started without `--conformance`.',
    retryable: false,
  },
  'MCP-WAIT-ENDED': {
    message: 'What was waited for may not be watched any more as it was.',
    advice: 'Ask again: what this caller may see, and of whom, is decided anew.',
    retryable: true,
  },
  'MCP-HEADERS': {
    message: 'What the request says of itself does not agree with its body, or is not served.',
    advice:
      'Send MCP-Protocol-Version, Mcp-Method and Mcp-Name as the revision asks, the same as in the body; server/discover names the revisions that are served.',
    retryable: false,
  },
  'MCP-ARGUMENTS': {
    message: 'This is not asked for in the way in which it is taken.',
    advice:
      'Go by the schemas and names that tools/list, prompts/list and resources/templates/list give, and by the parameters that MCP has for the method.',
    retryable: false,
  },
  'MCP-VITAL': {
    message: 'There is no vital sign of this key.',
    advice: 'Find the key with describe_vital, or see with get_latest_vitals what a patient has.',
    retryable: false,
  },
  'MCP-PERIOD': {
    message: 'This is not a period that can be shown.',
    advice: 'Give either `hours`, or `from` with or without `to`; times in ISO 8601 with an offset, `from` before `to`, at most 366 days.',
    retryable: false,
  },
  'MCP-GROUP': {
    message: 'It is not said of whom.',
    advice: 'Name exactly one of what this tool takes: a ward or a panel, or, where it takes one, a patient.',
    retryable: false,
  },
  'MCP-CURSOR': { message: 'The cursor is not one this hub gave.', advice: 'List from the start, without a cursor.', retryable: false },
  'MCP-NOT-FOLLOWED': {
    message: 'This resource cannot be subscribed to: nobody is told when it changes.',
    advice: 'Read it when it is needed, or subscribe to the latest values, alerts or trend of a patient, to a ward, a panel or a device.',
    retryable: false,
  },
  'MCP-URI': {
    message: 'A variable of this URI is not one that is taken here.',
    advice: 'A vital sign is a key such as spo2 or hr; a window is 1h, 6h, 24h, 7d or 30d; points is a whole number from 1 to 200.',
    retryable: false,
  },
  'MCP-PEER': {
    message: 'The MCP service did not answer as it must.',
    advice: 'Check the service name, and versions on both sides.',
    retryable: true,
  },
} as const satisfies Record<string, ErrorEntry>;
