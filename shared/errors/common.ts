import type { ErrorEntry } from './entry.ts';

/** Of commands, configuration and the operator’s socket. */
export const COMMON_ERRORS = {
  'CONFIG-UNREADABLE': {
    message: 'The configuration file cannot be read.',
    advice: 'Check the path and that this user may read it.',
    retryable: false,
  },
  'CONFIG-YAML': { message: 'The configuration file is not valid YAML.', advice: 'Correct the line named.', retryable: false },
  'CONFIG-INVALID': {
    message: 'The configuration has errors.',
    advice: 'Correct the lines named; --print-schema prints what is allowed.',
    retryable: false,
  },
  USAGE: { message: 'The command cannot be run as it was called.', advice: 'See --help.', retryable: false },
  INTERNAL: {
    message: 'A defect in Vitalmesh.',
    advice: 'Please report it with the code and the log lines around it; they hold no patient data.',
    retryable: false,
  },
  'NOT-FOUND': {
    message: 'There is no such resource for this caller.',
    advice: 'List what there is first; of a patient or a bed ask find_patients.',
    retryable: false,
  },
  'DEMO-PROCESS': {
    message: 'A process of the demo ended before it should.',
    advice: 'Read its log, whose path stands beside its name; it is kept when the demo fails.',
    retryable: true,
  },
  'DEMO-ONLY-IN-CLONE': {
    message: 'The demo runs in a clone of the repository only: its simulated devices are not part of the package.',
    advice: 'Clone the repository and run: npm run demo.',
    retryable: false,
  },
  'OPERATOR-NOT-RUNNING': {
    message: 'No process answers at the operator socket.',
    advice: 'Start it, or give the configuration it was started with.',
    retryable: true,
  },
  'OPERATOR-BUSY': {
    message: 'The process takes no more operator calls at the moment.',
    advice: 'End those that hang, such as an export that nobody reads, or wait and try again.',
    retryable: true,
  },
  'OPERATOR-SOCKET': {
    message: 'The operator socket cannot be made.',
    advice: 'Check the folder: it must belong to this user with mode 0700, and no other process may hold it.',
    retryable: false,
  },
  'OPERATOR-COMMAND': {
    message: 'The process does not know this operator command.',
    advice: 'Use the command line of the same version.',
    retryable: false,
  },
} as const satisfies Record<string, ErrorEntry>;
