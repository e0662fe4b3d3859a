import type { Requirement } from './requirement.ts';

/** Of what is current, due, and relayed. */
export const CLINICAL = {
  'PLACING-ORDER-FREE': {
    source: 'issue 9, Proof',
    behaviour:
      'Whose a reading is in the end does not depend on the order in which movements and readings arrived, and none is ever under a patient who was not there by what was known.',
  },
  'SUPPORT-OF-THIS-STAY': {
    source: 'issue 9, Decision support',
    behaviour: 'Gain of weight and baseline are of this stay: what was measured before the patient came back counts in neither.',
  },
  'IDENTITY-DOUBTFUL-ANY-ORDER': {
    source: 'issue 9, Proof',
    behaviour: 'What is doubtful follows from the readings alone, in whatever order they came, were corrected, taken back or confirmed.',
  },
  'LATEST-PREFERRED': {
    source: 'issue 9, What is current',
    behaviour:
      'Vital signs that measure the same thing otherwise are never merged; of each measurand exactly one row is preferred, by a stated rule that says why, whatever the order.',
  },
  'LATEST-DISAGREEMENT': {
    source: 'issue 9, What is current',
    behaviour:
      'Current values of one measurand, measured together, that differ by more than the table with its source allows are said to disagree; without a limit nothing is claimed.',
  },
  'HOSPITAL-DAY': {
    source: 'issue 9, Proof',
    behaviour: 'At every step of a scripted day of an intensive care unit a reader is told what was written down by hand.',
  },
  'HOMES-MONTH': {
    source: 'issue 9, Proof',
    behaviour:
      'At every step of a scripted month of 50 homes a reader is told what was written down by hand: what is current, what is due, what is silent, what was corrected, and of whom it is.',
  },
  'NEWS2-CHART': {
    source: 'issue 9, Decision support; Royal College of Physicians, NEWS2 (2017), chart 1',
    behaviour: 'Each parameter scores as the published chart says, at every edge of it, on both scales of saturation.',
  },
  'WEIGHT-BY-ONE-SCALE': {
    source: 'issue 9, Decision support',
    behaviour:
      'A gain of weight is reckoned from one scale, within the days of the site’s rule, and unknown for whoever was not weighed lately.',
  },
  'BASELINE-OF-ITS-OWN': {
    source: 'issue 9, Decision support',
    behaviour:
      'A baseline is median and range of the person’s own last days without doubtful values, with their number and the share of time they cover.',
  },
  'SUPPORT-OFF-BY-DEFAULT': {
    source: 'issue 9, Decision support',
    behaviour:
      'Nothing is reckoned for anybody whom the site’s versioned file does not name; what is reckoned shows its inputs and that version.',
  },
  'NEWS2-NEVER-FROM-PARTS': {
    source: 'issue 9, Decision support',
    behaviour: 'Where any input is missing there is no score: the least that it can be, and what is missing.',
  },
  'DUE-FILE': {
    source: 'issue 9, Readings that did not come',
    behaviour:
      'Which readings are expected of whom stands in a versioned file of the site: vital sign, window of the local day, days, tolerance and zone, by patient, panel and ward, the nearest of each vital sign; one with an error, or with windows that one reading could fill twice, is refused whole.',
  },
  'DUE-WINDOWS': {
    source: 'issue 9, Readings that did not come',
    behaviour:
      'Windows go by the clock of the home: across the night in which it is set they are an hour shorter or longer, one in the skipped hour is as long and so much later, one in the doubled hour covers both.',
  },
  'DUE-STATES': {
    source: 'issue 9, Readings that did not come',
    behaviour:
      'An expected reading is not yet due, due, overdue, missed or done; where whatever could have brought it fell silent before its time was over, that is said instead of overdue and missed.',
  },
  'DUE-DONE-BY-SURE': {
    source: 'issue 9, Readings that did not come',
    behaviour:
      'Done is what was measured within the window and its tolerance, by one that counts: no test, nothing withdrawn, doubtful, without a value or of a time that nobody knows; with when and by which device, and what came too late beside it.',
  },
  'DUE-OVER-THE-DOOR': {
    source: 'issue 9, Readings that did not come',
    behaviour:
      'What is due is told from what the reader is shown alone, by the names and times that it knows; of what its token is not for nothing is said to be missing.',
  },
  'DUE-WORKLIST': {
    source: 'issue 9, Readings that did not come',
    behaviour:
      'The worklist of a ward or panel is worst first by one stated order, each patient decided by the door, those whom the reader may not see absent; a group without anybody whom it may see is an error, never an empty list; of a ward in which it is not sure who lies, it is told how many may. What is remembered of a patient is gone with any change of theirs.',
  },
  'DUE-TOLD': {
    source: 'issue 9, Readings that did not come; Silence is an event',
    behaviour:
      'That an expected reading stands otherwise, by time, by what is stored late or at once, by what is taken back, or by a source that falls silent while it is overdue, is one change (`due`) of that patient within 1 s, also across nights in which the clock is set, another file, another place and a new start of the hub; it is never kept back.',
  },
  'ALERTS-LEFT': {
    source: 'issue 9, Alerts are relayed',
    behaviour:
      'An answer about alerts says that its patient was discharged, or lies in no bed for sure: an alert that was open then is of unknown state since, never active and never ended.',
  },
  'STALE-UNCERTAIN-WARD': {
    source: 'issue 9, What is current',
    behaviour:
      'Of whoever lies in no bed for sure the shortest limit of age holds of all wards in which they may lie: where they were said to be, and where they lay before; it is told when that changes.',
  },
  'SILENCE-ONCE': {
    source: 'issue 9, Silence is an event',
    behaviour:
      'A row that goes stale, a device, a gateway, the hub’s own line and movements that fall silent, and each coming back, are exactly one change of each patient concerned within 1 s of the limit, for 10,000 devices as for one, and whatever the wall clock is set to.',
  },
  'STALE-SITE-LIMITS': {
    source: 'issue 9, What is current',
    behaviour:
      'A site may set the limit of age by patient, panel and ward within bounds, in a versioned file that is checked, recorded and reloaded; answers say which limit applied.',
  },
  'SOURCES-TOLD': {
    source: 'issue 9, Silence is an event',
    behaviour:
      'A device that falls silent, a gateway that is lost, the hub that loses its own line and movements that are overdue, and each coming back, are changes of the patients concerned within 1 s of the limit.',
  },
  'SOURCES-SHOWN': {
    source: 'issue 9, Silence is an event',
    behaviour:
      'An answer says of each device, gateway and of the movements whether it is live, silent, lost or not known, and since when: a probe that is off is told from a gateway that is gone.',
  },
  'ALERTS-FOLDED': {
    source: 'issue 9, Alerts are relayed; devices.md §2.3',
    behaviour:
      'What is told of alerts, in any order and however often, is one row an instance, known within its gateway and device: since when, when last told, its priority, and its text as untrusted.',
  },
  'ALERTS-UNKNOWN': {
    source: 'issue 9, Alerts are relayed',
    behaviour:
      'After the link to its device or gateway was lost, and when one that is told again and again is told no more, the state of an open alert is unknown since then: never active, never ended. It stays so when the link is back, until the device tells of it again.',
  },
  'ALERTS-SOURCES': {
    source: 'issue 9, Alerts are relayed',
    behaviour:
      'An answer about alerts says which sources of this patient report alarms, which cannot, of which it is not known, and which are offline; an alert older than 2 minutes on arrival is delayed.',
  },
  'ALERTS-SURELY': {
    source: 'docs/devices; issue 9, Alerts are relayed',
    behaviour:
      'A device is said to tell of alarms only where its dialect surely reports them with its readings, or where it told of one; of a source of PCD-04, or one without a profile, nothing is known before an alert came, which counts as not covered.',
  },
  'SOURCES-ELSEWHERE': {
    source: 'issue 9, Staleness',
    behaviour:
      'A device that sent last of somebody else, or of nobody, is not told silent of the patient it was at before, nor counted so: it is told that it is no longer there, by its name.',
  },
  'TEST-NOT-LIVE': {
    source: 'issue 9, Test is not live',
    behaviour:
      'A tenant in production quarantines test, demonstration and simulated data, and a bed whose monitor is in demonstration mode shows that and no number; a sandbox takes them and says so in each answer.',
  },
  'TEST-MOVES-IN-SANDBOX': {
    source: 'issue 9, Test is not live',
    behaviour:
      'In a sandbox, where all is a test, movements that are marked as tests (MSH-11 T or D) count like any others; in production they are refused, and those of before move nobody once the tenant is in production.',
  },
  'ALERT-SITE-RANGES': {
    source: 'issue 9, Alerts are relayed',
    behaviour: "A site's ranges come from its file alone and are shown as the site's; no built-in range is applied to anybody.",
  },
  'NO-CLOCK-RETIMED': {
    source: 'issue 9, What is current; ARCHITECTURE.md, rule 10',
    behaviour:
      'What a gateway receives before it knows the time is kept by the boot and the time since its start, waits, and gets the time at which it truly was received before it is first sent, over restarts and power cuts within that boot; what may have been sent is never changed.',
  },
  'NO-CLOCK-BOUNDED-TIME': {
    source: 'issue 9, What is current; ARCHITECTURE.md, rule 10',
    behaviour:
      'What was received in a boot that ended before the time was known is sent in its order, as early as it can have been, marked clock and memory: nobody takes it for current.',
  },
  'STOOD-STILL-DOUBTFUL': {
    source: 'issue 9, What is current; OPERATIONS.md, A gateway that does not know the time',
    behaviour:
      'What a virtual machine, which somebody may pause without its knowing, received before it knew the time is marked clock and memory where it seems to have come later than it says; and a container that is started again goes on with the count of its machine.',
  },
  'BOUND-AFTER-BINDING': {
    source: 'issue 9, What is current; ARCHITECTURE.md, rule 9',
    behaviour:
      'What was received in a boot that ended without the time, and surely no earlier than a time after its binding, is stored for whom it is bound to, as history.',
  },
  'DEMO-CLINICAL': {
    source: 'issue 9, Done means',
    behaviour:
      'The demo shows in plain words a transfer that is told late, with what was corrected, a probe that falls silent, whose value is stale, and a weight that is doubtful; and it says that it is a sandbox.',
  },
  'AMEND-ERASED': {
    source: 'issues 6 and 9',
    behaviour:
      'Decisions about readings name nobody who was erased; what would come to them is not stored, and undoing gives them nothing back.',
  },
  'AMEND-HELD': {
    source: 'issues 6 and 9',
    behaviour:
      'Of somebody under legal hold no reading is given away, under whichever of their numbers, nor given on by whoever it was given to; what is void of them stays, with its history.',
  },
} as const satisfies Record<string, Requirement>;
