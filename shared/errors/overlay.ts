import type { ErrorEntry } from './entry.ts';

/** Of identities, the overlay and the embedded network. */
export const OVERLAY_ERRORS = {
  'IDENTITY-FILE': {
    message: 'The identity file is missing or malformed.',
    advice: 'Point to the right file, or make one: a trial network issues them, a real one enrols them.',
    retryable: false,
  },
  'IDENTITY-MODE': { message: 'The identity file can be read by others.', advice: 'chmod 600 it.', retryable: false },
  'IDENTITY-EXPIRED': {
    message: 'A certificate is outside its time of validity.',
    advice: 'Check the clock; renew the identity.',
    retryable: false,
  },
  'IDENTITY-UNTRUSTED': {
    message: 'A certificate was not issued by the network this side belongs to.',
    advice: 'Both sides must be enrolled in the same network.',
    retryable: false,
  },
  'IDENTITY-CHAIN': {
    message: 'A certificate chain breaks a rule (CA flag, usage, path length or key use).',
    advice: 'Enrol again; if it repeats, somebody may be posing as another.',
    retryable: false,
  },
  'IDENTITY-NAME': { message: 'A certificate does not name exactly one identity.', advice: 'Enrol again.', retryable: false },
  'IDENTITY-IN-USE': {
    message: 'A running process uses this identity.',
    advice: 'It renews the certificate by itself; its status says when. Stop it first to renew by hand.',
    retryable: true,
  },
  'RENEW-NOT-OFFERED': {
    message: 'The network does not let this identity renew its certificate.',
    advice: 'Enrol it again with a new token before the certificate ends.',
    retryable: false,
  },
  'RENEW-REFUSED': {
    message: "The network's controller refused to renew the certificate; the present one stays good.",
    advice: 'Ask whoever runs the network; the detail is its own code. It is tried again by itself.',
    retryable: true,
  },
  'FABRIC-CA': {
    message: 'The certificate authority of the trial network cannot be read or written.',
    advice: 'Check the folder; an existing authority is never overwritten.',
    retryable: false,
  },
  'OVERLAY-UNREACHABLE': {
    message: 'The overlay network cannot be reached.',
    advice: 'Agent and hub try again by themselves, a command must be given again; check the network if it lasts.',
    retryable: true,
  },
  'OVERLAY-BUSY': {
    message: "The network's controller answers that it cannot serve now.",
    advice: 'This machine reached it; it is asked again by itself, not before it said. Tell whoever runs the network if it lasts.',
    retryable: true,
  },
  'OVERLAY-DENIED': {
    message: 'The overlay refused: no policy allows this identity to use that service in that way.',
    advice: 'Add a Dial or Bind policy for the identity.',
    retryable: true,
  },
  'OVERLAY-NO-SERVICE': {
    message: 'The overlay has no such service for this identity.',
    advice: 'Check the service name and the policies.',
    retryable: true,
  },
  'OVERLAY-NO-TERMINATOR': {
    message: 'Nobody hosts the service at the moment.',
    advice: 'Start the hub; it is tried again by itself.',
    retryable: true,
  },
  'OVERLAY-UNCONFIRMED': {
    message: 'A router has taken the service, and its controller has not confirmed it yet: no dial reaches it.',
    advice: 'Wait; the router goes on trying by itself. Look after the controller of the network if it lasts.',
    retryable: true,
  },
  'OVERLAY-TIMEOUT': {
    message: 'The overlay did not answer in time.',
    advice: 'Agent and hub try again by themselves; a command must be given again.',
    retryable: true,
  },
  'OVERLAY-CLOSED': { message: 'The overlay connection was closed.', advice: 'It is opened again by itself.', retryable: true },
  'OVERLAY-PROTOCOL': { message: 'The peer broke the protocol of the overlay.', advice: 'Check versions on both sides.', retryable: true },
  'OVERLAY-SIGN-IN': {
    message: "The network's controller refuses this identity.",
    advice: 'The identity may be disabled, deleted or enrolled again elsewhere; ask whoever runs the network.',
    retryable: true,
  },
  'OVERLAY-SESSION': {
    message: 'The network ended the session with which a service was dialled or bound.',
    advice: 'A new one is asked for by itself.',
    retryable: true,
  },
  'OVERLAY-CRYPTO': {
    message: 'End-to-end encryption of an overlay connection failed; the connection was cut.',
    advice: 'If it repeats, somebody changes the bytes on their way, or versions do not fit.',
    retryable: true,
  },
  'ENROLL-TOKEN': {
    message: 'The enrolment token is malformed, changed, or not from the network that answers.',
    advice: 'Ask for a new token, and check that the controller it names is the right one.',
    retryable: false,
  },
  'ENROLL-KIND': {
    message: 'The token is for another kind of enrolment.',
    advice: 'Use a one-time token (ott), as `ziti edge create identity NAME -o NAME.jwt` writes it.',
    retryable: false,
  },
  'ENROLL-EXPIRED': {
    message: 'The enrolment token is no longer valid.',
    advice: 'Ask for a new one; check the clock of this machine.',
    retryable: false,
  },
  'ENROLL-SPENT': {
    message: 'The controller does not take the enrolment token: it was used already, withdrawn, or has expired.',
    advice:
      'Ask for a new one. A controller says the same of a token that has expired, which this machine cannot see while its clock is slow: check it. ' +
      'If the token should be good and unused, tell whoever runs the network.',
    retryable: false,
  },
  'ENROLL-REFUSED': {
    message: 'The controller refused the enrolment.',
    advice: 'Ask whoever runs the network; the detail is its own code.',
    retryable: false,
  },
  'FABRIC-STATE': {
    message: 'The home of the embedded network cannot be used.',
    advice: 'Give --home the folder of a network, or a new one for `fabric run` to make; it must be yours, with mode 0700 and free space.',
    retryable: false,
  },
  'FABRIC-NAME': {
    message: 'The embedded network has something of that name already, or the name is not allowed.',
    advice: 'Choose another name.',
    retryable: false,
  },
  'FABRIC-ROLE': {
    message: 'A role or an attribute is not written as it must be.',
    advice: "A role in a policy is '#attribute', '#all' or '@name'; an attribute of an identity or service stands without '#'.",
    retryable: false,
  },
  'FABRIC-TOKEN-FILE': {
    message: 'The file for the enrolment token cannot be written.',
    advice: 'Choose another path with -o; an existing file is never overwritten.',
    retryable: false,
  },
  'FABRIC-UNKNOWN': {
    message: 'The embedded network has no such identity, service or policy.',
    advice: 'List them: vitalmesh fabric identity|service|policy list.',
    retryable: false,
  },
  'FABRIC-ADDRESS': {
    message: 'An address of the embedded network cannot be listened on.',
    advice: 'Choose another with --controller or --router; only loopback addresses are allowed.',
    retryable: false,
  },
  'OVERLAY-SWITCH': {
    message: 'The switch of the local overlay cannot be made.',
    advice: 'Its folder must belong to this user with mode 0700, and no other switch may run there.',
    retryable: false,
  },
} as const satisfies Record<string, ErrorEntry>;
