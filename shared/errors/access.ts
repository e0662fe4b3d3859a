import type { ErrorEntry } from './entry.ts';

/** Of who may what, and of the evidence. */
export const ACCESS_ERRORS = {
  'AUDIT-KEY': {
    message: 'The key that signs the evidence cannot be read or made, or the list of its public keys cannot.',
    advice:
      'See the file that is named: an Ed25519 key (PKCS #8, PEM), mode 0600. Where it is lost, take the file away: the next start makes another one, which counts once you add its public key to the list.',
    retryable: false,
  },
  'AUDIT-NOT-EXTENDED': {
    message:
      'The evidence in the store does not go on from what this hub signed last: it was cut, written anew, or an older store was put back.',
    advice:
      'Nothing of it is signed until this is cleared. Where it was no restore, keep store and files as they are and find out who had the key of the store. After a restore say so: vitalmesh-hub audit acknowledge --alarm AUDIT-NOT-EXTENDED, which is recorded.',
    retryable: false,
  },
  'AUDIT-KEY-UNLISTED': {
    message: 'The evidence was there before the key that signs it from here on, which is not in the list of known keys.',
    advice:
      'Where the key was lost or a store moved without it, put key and list back, or add the public key that is named to the list (….audit-keys). Where nobody took them away, find out who did: the evidence may have been written anew.',
    retryable: false,
  },
  'AUDIT-NOTE-LOST': {
    message: 'What the hub keeps outside of the store of what it signed last is missing or unreadable.',
    advice:
      'Told until somebody answers for it. After a restore on another machine it is expected: vitalmesh-hub audit acknowledge --alarm AUDIT-NOTE-LOST, which is recorded. Otherwise somebody took it away: verify the evidence with what a gateway kept (--witness) first.',
    retryable: false,
  },
  'AUDIT-NOT-REMOVED': {
    message: 'Evidence that is older than it is kept is not as it was written, and is not removed.',
    advice:
      'Keep a copy of the store, run `vitalmesh-hub audit verify`, and find out who could write to it. It stays until it is as it was.',
    retryable: false,
  },
  'AUDIT-NO-HUB': {
    message: 'Only a hub that runs can do this.',
    advice: 'Start the hub, and give the command again.',
    retryable: false,
  },
  'AUDIT-NO-RESTORE': {
    message: 'No backup was put back at the entry that --known-restore names.',
    advice: 'Give the number of the entry that `vitalmesh-hub audit verify` names, or leave it out.',
    retryable: false,
  },
  'AUDIT-NO-ENTRY': {
    message: 'The evidence has no such entry.',
    advice: 'See which there are: vitalmesh-hub audit list.',
    retryable: false,
  },
  'AUDIT-NO-ALARM': {
    message: 'This alarm does not stand against the evidence.',
    advice: 'See which do: vitalmesh-hub status.',
    retryable: false,
  },
  'AUDIT-NO-FEED': {
    message: 'This hub feeds the evidence to nobody.',
    advice: 'Name a receiver under audit.feed in hub.yaml, or ask the hub that feeds.',
    retryable: false,
  },
  'AUDIT-WITNESS': {
    message: 'This is no export of a gateway with what it kept of the evidence, or it was changed.',
    advice: 'Take what `vitalmesh-agent witness export` prints at the gateway itself.',
    retryable: false,
  },
  'AUDIT-FEED-UNREACHABLE': {
    message: 'The receiver of the live feed of the evidence cannot be reached, or does not take it.',
    advice:
      'Nothing is lost: the feed goes on where the receiver surely had everything. See the address, the line and the receiver itself; who closes without answering our end confirms nothing.',
    retryable: true,
  },
  'AUDIT-FEED-TLS': {
    message: 'The receiver of the live feed of the evidence is not who it must be, or does not accept this hub.',
    advice:
      'Nothing was sent. See the authority (caFile), the name in the certificate of the receiver, its last day, and whether it wants a certificate of the hub (certFile, keyFile).',
    retryable: true,
  },
  'AUDIT-FEED-FILE': {
    message: 'The file of the live feed of the evidence cannot be written.',
    advice: 'Free space, or see to whom file and folder belong. Nothing is lost: it goes on where the file was whole.',
    retryable: true,
  },
  'AUDIT-FEED-BEHIND': {
    message: 'The live feed of the evidence is behind by more than its limits.',
    advice: 'The evidence itself is whole, in the store. See for what the feed waits; a receiver that is slow catches up by itself.',
    retryable: true,
  },
  'AUDIT-FEED-REWRITTEN': {
    message: 'The evidence in the store does not go on from what the live feed sent last: it was cut or written anew.',
    advice:
      'Keep store and receiver as they are: what the receiver got before is what was there. All of the evidence is sent again; find out who had the key of the store.',
    retryable: false,
  },
  'POLICY-INVALID': {
    message: 'The access policy has errors.',
    advice:
      'Correct the lines named in policy.yaml; `vitalmesh-hub access policy` prints the policy that is built in, to begin from. A running hub keeps the last good one ' +
      'in force.',
    retryable: false,
  },
  'ACCESS-NOT-LISTED': {
    message: 'Nobody of that id is listed.',
    advice: 'See who is: `vitalmesh-hub access list` names who may read, registry.yaml whose data they are.',
    retryable: false,
  },
  'ACCESS-DENIED': {
    message: 'This caller may not do that.',
    advice: 'Ask for a role that may; the refusal was recorded.',
    retryable: false,
  },
  'ACCESS-UNKNOWN-CALLER': {
    message: 'The registry does not know this caller.',
    advice:
      'Ask whoever runs the hub to list you in registry.yaml: the identity id of the overlay, and where you show an access token its issuer and subject.',
    retryable: false,
  },
  'ACCESS-TOKEN-NEEDED': {
    message: 'This caller must show an access token.',
    advice: 'Get one from an issuer that the service names (/.well-known/oauth-protected-resource/mcp), for its resource and scopes.',
    retryable: false,
  },
  'ACCESS-TOKEN': {
    message: 'The access token was refused.',
    advice:
      'Get a new one for this service; where that is refused as well, compare issuer, audience and type with access.issuers of hub.yaml.',
    retryable: false,
  },
  'ACCESS-TOKEN-FILE': {
    message: 'The file of the access token is not as it must be.',
    advice: 'It holds the token and nothing else, and nobody but its owner can read it: chmod 600.',
    retryable: false,
  },
  'ACCESS-SCOPE': {
    message: 'The access token is not for that.',
    advice: 'Get one with the scopes that the answer names; the refusal was recorded.',
    retryable: false,
  },
  'ACCESS-CREDENTIALS': {
    message: 'Overlay identity and access token are not those of one row of the registry.',
    advice: 'List both in the row of registry.yaml, and use the token through the identity that it was got for.',
    retryable: false,
  },
  'ACCESS-ISSUER-KEYS': {
    message: 'The keys of an issuer of access tokens cannot be had, or cannot be used.',
    advice: 'Check access.issuers of hub.yaml: the file, or the overlay service and who may dial it; the keys of before count for a day.',
    retryable: true,
  },
  'ACCESS-LIMIT': {
    message: 'This caller has asked for as much as it may for now.',
    advice:
      'Ask again after the time that the answer names (retryAfterMs). Subscribe to what is read again and again: reads of that are not counted. ' +
      'Limits of a day, and of patients who are in none of its wards and panels, stand in policy.yaml (limits).',
    retryable: true,
  },
  'ACCESS-TOO-LARGE': {
    message: 'The answer is larger than this caller may have at once.',
    advice: 'Ask for less at a time; the limits resultBytes and tokensPerCall stand in policy.yaml.',
    retryable: false,
  },
  'ACCESS-EXPIRED': { message: 'The right to do that has expired.', advice: 'Renew it in registry.yaml.', retryable: false },
  'ACCESS-UNVERIFIED': {
    message: 'The network did not vouch for this caller.',
    advice: 'Call through a router that names its callers (OpenZiti 2.0 or later).',
    retryable: false,
  },
} as const satisfies Record<string, ErrorEntry>;
