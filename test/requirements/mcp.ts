import type { Requirement } from './requirement.ts';

/** Of what AI clients are given. */
export const MCP = {
  'MCP-NOTES': {
    source: 'issue 10, Surface',
    behaviour:
      'A client is told how its own request went (what, milliseconds, code of an error) in log messages, only from the level on that it asked for: of its session in 2025-11-25, with the request in 2026-07-28. They name no patient.',
  },
  'MCP-LONG-READS': {
    source: 'issue 10, Surface',
    behaviour:
      'A long read tells how far it is to whoever sent a progress token, and is stopped when its caller cancels it or, in 2026-07-28, is gone.',
  },
  'MCP-GIVEN-UP': {
    source: 'MCP 2025-11-25, cancellation',
    behaviour: 'The response of a question that its client took back ends when that is heard, without an answer, and holds no connection.',
  },
  'MCP-CONFORMANT': {
    source: 'issue 10, Proof',
    behaviour:
      'npm run conformance runs what both revisions require of the official suite against a hub, and fails by a failed check, a warning, a required scenario that was not run, and one beside them that is no extension.',
  },
  'MCP-CONFORMANCE-APART': {
    source: 'issue 10, Wires 4',
    behaviour:
      'The fixtures of the conformance suite are served on a loopback port alone, loudly, beside sandboxes alone, where no access tokens are taken; the same code admits and audits, and a registry that stops to be a sandbox ends it.',
  },
  'MCP-BOTH-ERAS': { source: 'mcp.md §0.2', behaviour: 'Clients of 2025-11-25 and of 2026-07-28 read, call and receive updates.' },
  'MCP-FIND-NO-GUESS': {
    source: 'issue 10, Surface, Tools',
    behaviour:
      'Looked for by id, bed, ward or panel, somebody is found who is named exactly; what is ambiguous, or only a beginning, gives candidates and says so, in stable pages.',
  },
  'MCP-OVERVIEW': {
    source: 'issue 10, Surface, Tools',
    behaviour:
      'One call gives everything about one patient, each row standing alone, in at most 1,500 tokens whatever the patient; what does not fit is counted, and nothing is concluded.',
  },
  'MCP-OVERVIEW-SHAPE': {
    source: 'issue 10, Surface, Tools',
    behaviour:
      'The last day of a measurand is told in numbers of the one device that answers for it; where nothing was measured there is none.',
  },
  'MCP-OVERVIEW-ASSOCIATION': {
    source: 'issue 10, Surface',
    behaviour: 'It is told how readings came to be this patient’s, and since when, and to nobody who is masked.',
  },
  'MCP-GROUP-OVERVIEW': {
    source: 'issue 10, Surface, Tools',
    behaviour:
      'One call gives everybody of a ward or panel, worst data first, at most 150 tokens a patient; pages leave nobody out and repeat nobody, whoever got worse meanwhile.',
  },
  'MCP-WORKLIST': {
    source: 'issue 10, Surface, Tools; Everything a subscription offers is reachable by tools',
    behaviour:
      'One call gives what is expected of a ward or panel and did not come: counts first, what cannot be told because a source is silent apart from what was missed, then patient by patient, worst first, at most 400 tokens each; pages repeat nobody, and go on with what is open by then. How many may lie in the ward is told, and of whom nothing is said.',
  },
  'MCP-OUTSIDE-LIMITS': {
    source: 'issue 10, Surface, Tools',
    behaviour:
      'Current values are compared with limits that are named; what cannot be told is counted first and says why, and nothing stale, doubtful or of another unit counts as inside.',
  },
  'MCP-LINE': {
    source: 'issue 10, Wires 2; MCP, stdio framing',
    behaviour:
      'Messages of either revision, one a line, are admitted, metered, answered and ended as those of HTTP are; a bad line costs nobody else, and a reader that stalls is cut. What was asked before a client ended its side is answered.',
  },
  'MCP-LINE-BOUNDED': {
    source: 'issue 10, Wires 2; MCP, stdio framing',
    behaviour:
      'Of one connection at most 64 questions and one message of another kind are under way; of somebody whom the hub does not know, one short line at a time, 16 lines, 32 connections, and none for longer than a connection may be idle.',
  },
  'MCP-BRIDGE': {
    source: 'issue 10, Wires 2',
    behaviour:
      'The stdio command connects again by itself and takes sessions and subscriptions up where they were; what was under way is answered with what to do, and it ends with its host. What it keeps for a hub, or for a host, that takes nothing is bounded, and an id that is under way is refused. While the hub stays away, and where it does not let something be followed any more, whoever follows is sent to read it.',
  },
  'MCP-FOREIGN-CLIENTS': {
    source: 'issue 10, Proof',
    behaviour:
      'MCP Inspector, both TypeScript SDKs and the Python SDK list, read, call and are told of changes in each revision that they speak, through the bridge and through connect, over the embedded network.',
  },
  'MCP-CONNECT': {
    source: 'issue 10, Wires 3',
    behaviour:
      'HTTP clients reach the hub by a loopback address of their own machine, with a bearer; browsers, other names and other addresses are refused, and whoever has no bearer takes no place from who has.',
  },
  'MCP-CONNECT-PAGE': {
    source: 'issue 10, Done means',
    behaviour: 'Every command and every block of the page "Connect your AI client" is run, and a client gets through by it.',
  },
  'MCP-TREND': {
    source: 'issue 10, Surface',
    behaviour:
      'A trend says by device what counts and what does not and why, in which stretches there is nothing, what was lost, where devices changed, and compares with an earlier period only what one device measured in both.',
  },
  'MCP-ALERTS': {
    source: 'issue 10, Surface',
    behaviour: 'Alerts come with which devices could tell of any; that none is shown is never said to be calm.',
  },
  'MCP-DEVICES': {
    source: 'issue 10, Surface',
    behaviour:
      'The devices of a patient come with since when they are silent or lost, what they gave last and when, and never with values.',
  },
  'MCP-DESCRIBE': {
    source: 'issue 10, Surface',
    behaviour:
      'Every vital sign of the table is described by key, name or code, with what is plausible, and with no normal range or limit.',
  },
  'MCP-UNTRUSTED': {
    source: 'issue 10, Proof',
    behaviour:
      'What a device wrote stands in fields named untrusted alone, in no words of an answer, and free text only where it is asked for.',
  },
  'MCP-NO-LEAK': {
    source: 'issue 10, Proof; mcp.md §2.5',
    behaviour:
      'Clients that abandon 500 sessions, vanish or come back again and again leave no session, stream, connection, timer or memory behind, over HTTP, the line wire and `vitalmesh connect`.',
  },
  'MCP-ARGUMENTS': {
    source: 'issue 10, Proof',
    behaviour:
      'Whatever a tool, a prompt or a method is asked with, what comes back is an answer as its schema says, or an error with a code of the table and what to do, which repeats nothing that was sent.',
  },
  'MCP-WAIT': {
    source: 'issue 10, Surface',
    behaviour:
      'A client that cannot subscribe waits for a change with the same rights and evidence, one call at a time: unchanged is told from no data, a lost value and an alert are changes, and nothing between two calls is missed.',
  },
  'MCP-WAIT-BY-DEVICE': {
    source: 'issue 10, Surface',
    behaviour:
      'A wait compares each device with itself: a value of one that is too old hides no value of another, and each change names its device and whether another one has a current value.',
  },
  'MCP-WAIT-NOT-CALM': {
    source: 'issue 10, Surface',
    behaviour:
      'A wait tells first of whom nothing may be seen to change: a gateway or the movements that are gone, a patient who was discharged, left, or lies in no bed for sure; where nothing at all can come, it is no data, whatever is current.',
  },
  'MCP-WAIT-KEYS': {
    source: 'issue 10, Surface',
    behaviour: 'A wait for a key that is no vital sign, neither of the table nor of these patients, is refused with MCP-VITAL.',
  },
  'MCP-TEXT-BY-DEVICE': {
    source: 'issue 10, Surface, Tools',
    behaviour:
      'Where several devices give one vital sign, the words of its latest values and of what is outside limits name the device of each, the preferred one of the latest first.',
  },
  'MCP-TEXT-WHY-NOT-CURRENT': {
    source: 'issue 10, Surface, Tools',
    behaviour:
      'Why a value is not current is said in words: the patient was discharged or left the bed, the stay ended, its device is in demonstration mode, or it is too old.',
  },
  'MCP-PROMPTS': {
    source: 'issue 10, Surface',
    behaviour:
      'A prompt names what must not be done and embeds the resources that it is about, read as its caller and recorded as any read; no data get into its words. Its arguments are completed as the caller may see them, and nothing else gets into its words.',
  },
  'MCP-SCHEMAS': { source: 'issue 10, Proof', behaviour: 'What a tool answers is what its output schema says, without a field beside it.' },
  'MCP-FINGERPRINT': {
    source: 'issue 10, Surface',
    behaviour:
      'The status of the hub names the SHA-256 over names, descriptions and schemas of its tools; that a start serves others than the one before stands in the evidence of each tenant, with both.',
  },
  'MCP-TOKENS': {
    source: 'issue 10, Surface',
    behaviour: 'An answer of a tool keeps to its ceiling of tokens: what does not fit is cut, and the answer says so.',
  },
  'MCP-STREAM-PACED': {
    source: 'mcp.md §2.5.3; MCP 2026-07-28, subscriptions',
    behaviour:
      'Of an event stream nothing waits but in its connection: notifications come behind its beginning, whole and in order, only while its reader keeps up, and never behind its end.',
  },
  'MCP-GATED': { source: 'mcp.md §2.5', behaviour: 'Subscriptions are authorised, filtered, bounded, and end with the right to them.' },
  'MCP-DOCUMENTED': {
    source: 'issue 10, Done means',
    behaviour:
      'docs/mcp.md is what is registered and what a run of one example of each resource, tool and prompt gives; one without an example is an error.',
  },
  'MCP-EVERY-TOOL': {
    source: 'issue 10, Surface',
    behaviour:
      'Every tool that is registered is called by a test: its answer validates, is the same when nothing changed, has fewer words than data, and keeps to its ceiling: an overview 1,500 tokens, a group 150 a patient, a worklist 400.',
  },
  'MCP-PAGES': {
    source: 'issue 10, Surface',
    behaviour:
      'What does not fit says so (`truncated`) and where the rest is: lists and groups come in pages that leave nobody out and show nobody twice, whoever got worse meanwhile; a cursor that is not the hub’s is refused.',
  },
  'MCP-ZONE': {
    source: 'issue 10, Surface',
    behaviour:
      'Every answer names the IANA zone of its times, the patient’s own where the site names one: days, buckets and offsets go by it, a row of a group says where its own is another, and a replay makes the same again. Whoever is masked is told no zone.',
  },
  'MCP-RESOURCES': {
    source: 'issue 10, Surface',
    behaviour:
      'Vital signs, trends, alerts, gaps, wards, worklists and FHIR Observations are read by their URIs through the one door, filtered and masked like every answer; a URI that means nothing is told from one of whom the caller may not see.',
  },
  'MCP-FLEET': {
    source: 'issue 10, Surface',
    behaviour:
      'What of gateways and devices lives is told in numbers to whoever may open a session, one by one to roles that may read the status, naming nobody, and of one device as far as the caller may see its patients.',
  },
  'FOLLOW-TOPICS': {
    source: 'issue 10, Surface',
    behaviour:
      'Whoever subscribes to a resource is told of the changes that concern it and of no others; what cannot be subscribed to says so, with what to do.',
  },
  'FOLLOW-GROUPS': {
    source: 'issue 10, Surface',
    behaviour:
      'One subscription tells of a whole ward or panel: of everybody there whom the caller may see at that moment, and of who came and went; a group of which it may see nobody looks like none.',
  },
  'FOLLOW-DEVICES': {
    source: 'issue 10, Surface',
    behaviour:
      'A device is followed wherever it goes: whoever subscribes to its status is told when it falls silent, is lost, comes back or is with somebody else, of no value, by its name and of those whom they may see alone; the evidence has its beginning and its end, and where nobody is left whom they may see, it ends.',
  },
  'ALERTS-TOLD': {
    source: 'issue 10, Surface',
    behaviour:
      'That a device told of an alert, or that data will never come, is told to whoever follows that patient’s alerts or gaps; an alert at once.',
  },
} as const satisfies Record<string, Requirement>;
