import type { Requirement } from './requirement.ts';

/** Of who may what. */
export const ACCESS = {
  'AUDIT-BEFORE-SHOWN': {
    source: 'issue 8, Proof',
    behaviour: 'Nothing is shown whose entry of evidence is not on disk: whenever the hub is killed, what a client was shown stands in it.',
  },
  'HOSTILE-INPUT': {
    source: 'issue 8, Proof',
    behaviour:
      'Whatever a client or gateway writes, as the name of a member, an id or a text, adds no right, changes no object of the process, and neither stands in a log nor breaks a line of the evidence.',
  },
  'TENANT-APART': {
    source: 'issue 8, Tenants',
    behaviour:
      'A store file holds one tenant; several are kept in a file each, by a hub each, or in PostgreSQL, which keeps them apart by itself.',
  },
  'POLICY-AS-DATA': {
    source: 'issue 8, What',
    behaviour:
      'Who may do what stands in policy.yaml: checked whole, every error with its line, its version in the evidence; a bad one leaves the last good one in force.',
  },
  'TOKEN-TRACED': {
    source: 'issue 8, Who',
    behaviour:
      'The evidence names the id of a token and the overlay identity it came over, where it was taken and where it was refused; to another tenant than its own it names no token.',
  },
  'POLICY-OPERATOR': {
    source: 'issue 8, What',
    behaviour: 'check names what a policy takes from the operator of what the built-in one gives it; the one in the README takes nothing.',
  },
  'POLICY-DECIDES': {
    source: 'issue 8, What',
    behaviour:
      'decide() is total and denies by default; a forbid outweighs every permit, one more permit or wider reach never takes away nor masks more, and the order of rules means nothing.',
  },
  'WARDS-AND-PANELS': {
    source: 'issue 8, Who',
    behaviour: 'Who has a ward reaches whoever lies there now, who has a panel whoever is on it, and nobody else.',
  },
  'REACH-NOW': {
    source: 'issue 8, Who',
    behaviour: 'Who leaves a ward or panel is out of its reach at once, open streams included; whoever listened is told.',
  },
  'RELOAD-TOLD': {
    source: 'issue 8, Who: registry, policy and keys in force',
    behaviour:
      'Which of registry.yaml, policy.yaml and the files of keys is not in force as it is on disk, since when and with which code, stands in the status, as text and as JSON, and in metrics, until it is in force.',
  },
  'RELOAD-ASIDE': {
    source: 'issue 8, Who: expiry and revocation act within a second',
    behaviour: 'A registry and a policy of any size are checked beside the thread that takes readings and tells of them.',
  },
  'RELOAD-LIMIT': {
    source: 'issue 8, Who: expiry and revocation act within a second',
    behaviour:
      'A check of registry and policy that does not end is given up after a minute, told of as what is not in force, and keeps no later reload waiting.',
  },
  'ROWS-BARRED-TOLD': {
    source: 'issue 8, Who',
    behaviour:
      'Rows of registry.yaml as which nobody can get in, whatever he shows, are named with what bars them by check, status, the log and access list; access explain says that the credential step refuses them.',
  },
  'ACCESS-BEFORE-START': {
    source: 'issue 8, What',
    behaviour: 'access list and access explain answer before the first start by registry.yaml and policy.yaml alone, and make no store.',
  },
  'ACCESS-EXPLAINED': {
    source: 'issue 8, What',
    behaviour:
      'An operator can ask whether somebody may do something, and is told yes or no, the rules, and why in plain words, by the same decision as a real call; the asking is decided and recorded.',
  },
  'LIMITS-RATES': {
    source: 'issue 8, What',
    behaviour:
      'A caller has so many calls and reads a minute; what it has subscribed to it reads as often as it is told of. More is refused with a code and the time after which it is answered.',
  },
  'LIMITS-DAYS': {
    source: 'issue 8, What',
    behaviour: 'A caller has so many calls a day and a month; no answer is larger than its limits, and what was left out is said.',
  },
  'LIMITS-OTHERS': {
    source: 'issue 8, What',
    behaviour:
      'Of patients in none of its wards and panels a caller sees so many an hour and a day, by reads and subscriptions, and never a tenth of the hospital, but for eight of them.',
  },
  'LIMITS-WORKABLE': {
    source: 'issue 8, What',
    behaviour: 'A charge nurse’s agent with 24 beds and an RPM nurse’s with 2,000 homes work a whole day without being refused.',
  },
  'MCP-METHODS-LISTED': {
    source: 'issue 8, What',
    behaviour: 'A method that a revision does not serve, and an answer to a question that nobody asked, are refused before any handler.',
  },
  'LIMITS-ONE-SPELLING': {
    source: 'issue 8, What',
    behaviour:
      'What a caller follows and reads is counted by what it is of, however its URI is spelled, and all of it together is bounded; a later page of a ward cannot be followed.',
  },
  'MCP-NO-BATCHES': {
    source: 'MCP 2025-06-18, changelog',
    behaviour: 'One message of JSON-RPC a request: a list of them is refused with MCP-JSON, before anything of it is counted or done.',
  },
  'LIMITS-KEPT': {
    source: 'issue 8, What',
    behaviour: 'What a caller has used up of its day and month is counted in the commit of its evidence, and still counts after a restart.',
  },
  'GATEWAY-OWN-ONLY': {
    source: 'issue 8, What',
    behaviour:
      'A gateway writes for its own patients, beds and devices alone, and under its own ids; all else is refused with a code, kept in quarantine, and recorded.',
  },
  'TOKEN-CHECKED': {
    source: 'issue 8, Who; RFC 9068 §4, RFC 8707',
    behaviour:
      'An access token counts only with a signature of its own issuer by an algorithm of the list, for this service, of the configured type, in its time, and with subject and client.',
  },
  'TOKEN-ATTACKS': {
    source: 'issue 8, Proof; RFC 8725',
    behaviour:
      'Tokens that are unsigned, signed with a public key for a secret, bring their own keys, are for another service or of another issuer, are no access tokens, or are odd in any claim, are refused, and nothing of them is repeated.',
  },
  'TOKEN-SCOPES': {
    source: 'issue 8, Who; SMART App Launch 2.2',
    behaviour: 'A token opens what its scopes of SMART say and nothing else; a scope that is not understood opens nothing.',
  },
  'TOKEN-NOT-NARROWED': {
    source: 'issue 8, Who',
    behaviour:
      'A stream that would be told of less by the token of a later request ends, and does not fall silent; what a token covers nothing of cannot be subscribed to.',
  },
  'TOKEN-WITHHELD': {
    source: 'issue 8, Who',
    behaviour:
      'Where a token hides what is measured, the answer names what it hides and gives no time of it: a chart that is hidden never reads as an empty one. The evidence says so, too.',
  },
  'TOKEN-SHAPES': {
    source: 'issue 8, Who; mcp.md §5',
    behaviour: 'Tokens as Keycloak, Entra ID and Okta issue them are read by configuration alone.',
  },
  'ISSUER-KEYS': {
    source: 'issue 8, Who',
    behaviour:
      'Keys of an issuer come from a file, or over the overlay with TLS within; new ones are found when a token needs them, the last good ones count for a day, and private or shared ones are refused.',
  },
  'CALLER-PROVES': {
    source: 'issue 8, Who',
    behaviour:
      'A caller is let in by what its row needs, identity, token or both of one row: of people both unless told; a stolen token alone or a stolen identity alone opens nothing.',
  },
  'TOKEN-CHALLENGE': {
    source: 'issue 8, Who; RFC 9728, RFC 6750 §3',
    behaviour:
      'Whoever lacks a token, or a scope, is told where to get it and which: 401 and 403 with WWW-Authenticate, and a metadata document.',
  },
  'RIGHTS-END-STREAMS': {
    source: 'issue 8, Who',
    behaviour:
      'Expiry of a token or row, a revocation and a changed row end what is open within a second, though nothing is asked meanwhile.',
  },
  'MCP-ERRORS-COUNTED': {
    source: 'issue 8, Who',
    behaviour:
      'A connection of an AI client counts as failed where it ends before an answer or for any other cause than that its client closes it.',
  },
  'ACCESS-HIDDEN': {
    source: 'issue 8, Proof: id guessing',
    behaviour: 'That nobody is there is answered at the same beat whether nobody is or the patient is out of reach.',
  },
  'OVERLAY-FIRST-DIAL': {
    source: 'issue 8: first dial right after opening',
    behaviour:
      'A dial waits for the first attempt to connect, which a program that opens its overlay may not have waited for, and no longer.',
  },
  'CLIENT-TOKEN': {
    source: 'issue 8, Who',
    behaviour:
      'The example program shows its identity and a token out of a file that others cannot read, as it is now at each request, and is let in where its row needs both.',
  },
  'REGISTRY-PLAIN': {
    source: 'issue 8, Who',
    behaviour:
      'registry.yaml and policy.yaml mean what they look like: no anchor, alias or lost key, and no two beds or devices of a gateway that look the same.',
  },
  'REVOCATIONS-STAND': {
    source: 'issue 8, Who',
    behaviour:
      'What is revoked stays so until the hub ends, whatever a registry that is read meanwhile leaves out; files that are being written are waited for; a revocation of no issuer is an error.',
  },
  'REGISTRY-RECORDED': {
    source: 'issue 8, Who',
    behaviour:
      'What a registry gives, takes or changes of clients, gateways, groups and tokens stands in the evidence before it is in force.',
  },
  'MASK-ALLOW-LIST': {
    source: 'issue 8, Masking; 45 CFR 164.514(b)(2) and (e)(2)',
    behaviour:
      'Whoever is masked is shown what was decided on, field by field: a new field is hidden, and so is every text, and every number, that no table of ours knows.',
  },
  'MASK-PSEUDONYMS': {
    source: 'issue 8, Masking; 45 CFR 164.514(c)',
    behaviour:
      'Whoever is masked knows patients, devices and observations by names made of a secret: the same every time, others for every principal, tenant and profile, and understood from their own principal alone.',
  },
  'MASK-TIMES': {
    source: 'issue 8, Masking; 45 CFR 164.514(b)(2)(i)(C)',
    behaviour:
      'Whoever is deidentified gets no real time: those of a patient are shifted by a secret number of whole days, differences and time of day stay, and what it asks for by such a time is found.',
  },
  'MASK-CORPUS': {
    source: 'issue 8, Masking; 45 CFR 164.514(b)(2)(i)',
    behaviour:
      'Of a hospital whose every field holds an identifier of one of the eighteen kinds, none leaves by any output for whoever is masked, denied or a stranger, nor by logs, metrics, errors or evidence; an output that is not looked at fails the test.',
  },
  'DEMO-CALLERS': {
    source: 'issue 8, Done means',
    behaviour:
      "npm run demo shows one patient as a nurse's agent, a masked research agent and a refused stranger get it, verifies the evidence, and fails where one of these is not as it should be.",
  },
  'TEST-MARKED': {
    source: 'issue 8: simulated values',
    behaviour:
      'A simulated device whose format cannot mark a test says so, and `test: true` of its source marks everything of it and nothing of others.',
  },
  'ERASE-BATCH-OF-TWO': {
    source: 'issue 8, evidence: GDPR; rows that follow movements',
    behaviour:
      'Rows that came together and are of several people by now: who is erased goes alone, and every row and resource of the others stays.',
  },
} as const satisfies Record<string, Requirement>;
