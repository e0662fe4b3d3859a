import type { Requirement } from './requirement.ts';

/** Of whose a reading is, and of corrections. */
export const PATIENTS = {
  'PATIENT-ID-CHECKED': {
    source: 'issue 9, Who is this',
    behaviour: 'A new patient id has 84 random bits and a check character; a mistyped one is an error, and never somebody else.',
  },
  'BEDS-FOLLOWED': {
    source: 'issue 9, Who is this',
    behaviour:
      'A bed of the registry has its patient named there or follows movements, with all of its gateways alike; a followed one may be a ward’s, and whoever movements put there is in that ward.',
  },
  'MOVEMENTS-REACH': {
    source: 'issue 9, Who is this',
    behaviour:
      'Who may see somebody follows from movements as from the registry: admission, transfer and discharge count from their commit on, end the streams of whoever has no more part in the patient, and are told to both sides.',
  },
  'LISTED-AND-MOVED': {
    source: 'issue 9',
    behaviour:
      'Of whoever a row of the registry binds and movements put into a bed, all is said that is said without a row: what was measured in a bed that they left is not current and alerts of it are unknown, that they lie in none for sure, and by which other id the hospital goes on, which each of their readers reaches and no reader of a ward by the row. What the row’s own gateway measures stays current.',
  },
  'LEFT-NOT-DISCHARGED': {
    source: 'issue 9',
    behaviour:
      'Whoever is moved from a followed bed to where nobody follows is told to have left it then, and not to be discharged, until they are: nothing that was measured in it is current, and they are on no list but by a row.',
  },
  'UNSURE-LISTED': {
    source: 'issue 9, Who is this',
    behaviour:
      'Whoever may lie in a bed and lies in none for sure stands in every list of those who may see them, as that, and in that of each ward where they may lie; whose right is a ward alone is told how many more may lie there, and never who. A ward in which nobody lies for sure is not one that does not exist.',
  },
  'DISCHARGE-ENDS': {
    source: 'issue 9, Who is this',
    behaviour: 'Once somebody is discharged, whoever may still read them is told since when, and nothing of theirs is shown as current.',
  },
  'MERGED-RESOLVES': {
    source: 'issue 9, Who is this',
    behaviour:
      'A merged id means the one that survived, in every read, list, panel and row of a client, and the answer says so; whoever is masked is told no id.',
  },
  'MERGED-STAYS-OWN': {
    source: 'issue 9, Who is this; HL7 v2.6 ch. 3.6.2',
    behaviour:
      'A discharge ends the stay of its visit or of the bed that it names, never another stay of the same person: what is said of a duplicate neither ends nor moves the stay under the number that survives, and where both lay at once neither bed is sure. A merge told last says who survives, and parting two numbers parts just them.',
  },
  'DEVICE-OF-ITS-GATEWAY': {
    source: 'issue 9, Who is this',
    behaviour:
      'A device is moved by hand as that of one gateway: another gateway that has one of the same id is left alone, where several have it the gateway must be named, and a device of which nothing was heard is refused unless that is said.',
  },
  'SHOWN-BEDS': {
    source: 'issue 9, Who lies where',
    behaviour:
      '`patients show` lists each followed bed, also where nobody is known to lie and readings come that are shown to no one; of a bed or patient of registry.yaml it says what stands there, and a bed that there is not is refused.',
  },
  'SHOWN-AS-READ': {
    source: 'issue 9, Who is this',
    behaviour:
      'What an operator is shown of a bed at a time is whose the readings of that time are: who surely lay there, or nobody for sure, also while movements were silent or are lost.',
  },
  'BY-HAND-CONTRADICTS': {
    source: 'issue 9, Who is this',
    behaviour:
      'What an operator says of who lies where is kept though it contradicts what is known, and they are told whom it contradicts by public id, and what to do; where readings become nobody’s by it, also by a merge of two who lie in several beds, the command exits with 1. Of what is said late it is told until when it held. Who lay in no bed at the time is neither moved nor discharged.',
  },
  'CENSUS-READ': {
    source: 'issue 9, Who is this',
    behaviour:
      'A start census is read from CSV or from HL7 admissions as movements are; a bad line, of a time that cannot be or of a bed that follows no movements too, is told by its number and code without its content, of lines that contradict each other none counts, and the good ones do, or none where that is asked for; a trial says the same.',
  },
  'PLACED-BY-HAND': {
    source: 'issue 9, Who is this',
    behaviour:
      'An operator can say who lies where, who is who and where a device stands, and take a statement back; it is decided, recorded as theirs, and counts like a movement of the hospital.',
  },
  'NUMBERS-BOUNDED': {
    source: 'issue 9, Who is this',
    behaviour:
      'A gateway that names a new number in every message fills neither memory nor disk with them: beyond so many a day its rows are nobody’s, which is counted and said.',
  },
  'MOVEMENTS-KEPT': {
    source: 'issue 9, Who is this',
    behaviour: 'No bed follows movements where the store does not keep all of them: check, start and reload refuse it.',
  },
  'CORRECTIONS-LISTED': {
    source: 'issue 9, Who is this',
    behaviour:
      'What moved from one patient to another can be listed, with who had been shown it before; of the last 30 days unless more is asked for, and the list says so.',
  },
  'SUBJECT-BY-MOVEMENTS': {
    source: 'issue 9, Who is this',
    behaviour:
      'What is measured in a bed that follows movements is whoever’s they say lay there when it was measured; a gateway speaks for its own followed beds alone.',
  },
  'NOBODY-FOR-SURE': {
    source: 'issue 9, Who is this',
    behaviour:
      'What is measured in a followed bed in which nobody is known to lie for sure is stored as the bed’s, shown under no patient and told to nobody; what has no sure time is quarantined.',
  },
  'IDENTITY-CONFLICT': {
    source: 'issue 9, Who is this',
    behaviour:
      'A reading that names somebody else than who lies in its bed, by a number of the same authority, is nobody’s until the one whom it names is known to have lain there.',
  },
  'IDENTITY-UNCONFIRMED': {
    source: 'issue 9, Who is this',
    behaviour:
      'Once movements are silent for longer than registry.yaml allows, what was measured since is a patient’s only where it names that patient; when they are heard again, all of it is.',
  },
  'LATE-MOVEMENT-CORRECTS': {
    source: 'issue 9, Who is this',
    behaviour:
      'A movement, merge or its end that comes late moves what was stored meanwhile to whose it was; readers of both patients are told that it was corrected, and the evidence of both says what moved.',
  },
  'DEVICE-BY-HAND': {
    source: 'issue 9, Who is this',
    behaviour:
      'A device that was put into a bed by hand, or into none, is there from then on, whatever bed its messages name; told late, its rows follow.',
  },
  'PLACED-IN-THE-COMMIT': {
    source: 'issue 9, Who is this',
    behaviour:
      'A batch is stored only if who lies where is still what it was placed by; else it is placed anew, and nothing is lost or doubled.',
  },
  'STAYS-FROM-MOVEMENTS': {
    source: 'issue 9, Who is this; HL7 v2.6 ch. 3.3',
    behaviour:
      'Who lay where follows from all movements, in whatever order they were heard, late and cancelled and merged ones too; where they contradict each other it is nobody’s bed.',
  },
  'ORDERS-BOUNDED': {
    source: 'issue 9, Who is this',
    behaviour:
      'What a movement changes of rows that are there is said without listing everybody whom a row may name, so that it stays small however many numbers were ever named.',
  },
  'FORMER-STAY': {
    source: 'issue 9, Who is this',
    behaviour:
      'Of whoever was discharged and is here again, nothing that was measured in a bed before is current: it stands under lastKnown, marked as of a former stay. A trend says from when to when the patient was here. A discharge alone ends a stay.',
  },
  'AMEND-LOST-SAID': {
    source: 'issue 9, Corrections; OPERATIONS.md, Readings that are wrong',
    behaviour:
      'When a store was put back, log, status and list of decisions say with a code that what people decided about readings since is gone, from when to when, until the rows of all gateways through which readings come confirm.',
  },
  'HAND-LOST-SAID': {
    source: 'issue 9, Who is this; OPERATIONS.md, Who lies where',
    behaviour:
      'When a store was put back, log and status say with a code that what was said by hand since is gone, from when to when, until the rows of the gateways of these beds confirm; and until when movements were told again, while any are missing.',
  },
  'TOLD-BY-TWO': {
    source: 'issue 9, Who is this',
    behaviour:
      'What two gateways tell of one event, with times of their own, counts once and from the earlier of both, and one cancel takes all of it back; what one gateway says again is another event.',
  },
  'DEVICE-ADOPTED': {
    source: 'issue 9, Who is this',
    behaviour:
      'At a gateway of one patient with an `adopted` list, readings of other devices are refused before any row is theirs; without a list all count, and check and status say so.',
  },
  'DEVICE-ADOPTED-SINCE': {
    source: 'issue 9, Who is this; ARCHITECTURE.md, rule 9',
    behaviour:
      'An adoption is a binding of (gateway, type of id, id) with its time: what was, or may have been, measured before it is quarantined, from a device’s memory as by a replay, unless whoever adopted the device says since when it is in the home.',
  },
  'DEVICE-ADOPTED-ONCE': {
    source: 'issue 9, Who is this',
    behaviour:
      'A device that two homes would adopt is refused at load with both rows; one that is adopted here and seen at another home is told.',
  },
  'DEVICE-SEEN': {
    source: 'issue 9, Who is this',
    behaviour:
      'Devices seen and not adopted are shown to operators of the hub’s machine, bounded in number, with how often, since when and the line that adopts them, and stand in no log.',
  },
  'DEVICE-BY-TYPE': {
    source: 'issue 9, Who is this',
    behaviour:
      'A device that is moved by hand is known by gateway, type of id and id; where two devices of a gateway are called so, a move by hand is refused.',
  },
  'DEVICES-SEEN-BOUNDED': {
    source: 'issue 9, Who is this; Figures',
    behaviour:
      'Where devices stood by their messages is remembered of so many pairs of device and bed of a gateway and of all; what is let go of is counted and said by the status, and such a device is looked for in all beds when it is moved.',
  },
  'IDENTITY-DOUBTFUL': {
    source: 'issue 9, Who is this',
    behaviour:
      'At a gateway of one patient a weight or cuff pressure that jumps from this person’s own is kept as doubtful, becomes neither latest nor part of a trend, baseline, score or expected reading until it is repeated or confirmed, and is shown beside what is current.',
  },
  'DOUBT-IS-NOT-CALM': {
    source: 'issue 9, Who is this; Decision support',
    behaviour:
      'Where a newer reading is doubtful nothing is reckoned of the older one: the input of a score is missing and the gain of weight unknown, with the reason; nor is what is too old for a score an input of it.',
  },
  'IDENTITY-IMPOSSIBLE': {
    source: 'issue 9, Who is this',
    behaviour:
      'What a personal device tells that is outside what anybody can have is doubtful, whatever came before it: it is neither current nor the person’s own, and hides no other doubtful one, until somebody confirms just this one.',
  },
  'DOUBT-COST': {
    source: 'issue 9, Figures',
    behaviour:
      'Whose a reading is costs no statement of the store where it is of no personal device; a usual one behind the last costs a few short ones, however many there are before it.',
  },
  'IDENTITY-CONFIRMED': {
    source: 'issue 9, Who is this',
    behaviour:
      'A doubtful reading that somebody confirms, or gives to a patient, is that patient’s and current where it is the newest; what is void or became another’s says nothing of whose the others are.',
  },
  'DOUBTFUL-LISTED': {
    source: 'issue 9, Who is this',
    behaviour:
      'An operator lists what is doubtful, of one patient or of all whom they may see, newest first and a page at a time, with how to decide about it; decided, masked and recorded as any reading that is shown.',
  },
  'IDENTITY-CONFIRMED-VERSIONS': {
    source: 'issue 9, Who is this; Corrections',
    behaviour:
      'What a device sends later as a version of a reading that somebody confirmed is confirmed with it where it says the same as the one that was named, in whatever order versions came, and undone with it; another value is doubtful again where it jumps.',
  },
  'PLACES-CHANGED-REFUSED': {
    source: 'issue 9, Who is this',
    behaviour:
      'What was decided by another version of who lies where than the store has is not stored, whole, and costs no other batch; what movements change is kept in their own commit.',
  },
  'PERSON-ONE-ID': {
    source: 'issue 9, Who is this: patient key',
    behaviour:
      'A person as a hospital numbers it (tenant, authority, value) has one opaque public id, for good, however often and from wherever it is asked for.',
  },
  'NOBODY-UNSEEN': {
    source: 'issue 9, Who is this: shown under no patient',
    behaviour:
      'What is nobody’s for sure is kept, counted, and given out under no patient, in no list and in no export but one that asks for it by its bed.',
  },
  'PLACED-ROWS-FOLLOW': {
    source: 'issue 9, Late movements re-apply',
    behaviour:
      'Rows that a movement gives to somebody else become theirs, those of the window, bed and named person and no other; what is current, what stands and what is counted of both is what it would be had they come for them.',
  },
  'AMEND-VOID': {
    source: 'issue 9, Corrections',
    behaviour:
      'What an operator sets to entered-in-error counts for nothing that follows of it, keeps its history, and says so in every reading out of the store; so do all versions of the same measurement.',
  },
  'AMEND-REASSIGN': {
    source: 'issue 9, Corrections',
    behaviour:
      'Readings that an operator gives to another patient are theirs with all that follows of it; both patients’ readers are told that it was corrected, and movements leave them alone until that is undone.',
  },
  'AMEND-TOLD': {
    source: 'issue 9, Corrections; issue 10, Surface',
    behaviour:
      'Of a current reading that is a patient’s because a person gave it to them or confirmed it, it is told which of both, and since when, until that is undone; who that was is for operators alone. What was shown is made again from the evidence as it was told then.',
  },
  'AMEND-UNDO': {
    source: 'issue 9, Corrections',
    behaviour:
      'What an operator decided about readings can be undone, in any order: they stand, and are whose they would be, as if it had never been decided.',
  },
  'AMEND-HISTORY': {
    source: 'issue 9, Corrections',
    behaviour:
      'That something was decided about a reading and taken back, by whom, when and why, stays its history, and of which readings it was is known as long as they are kept.',
  },
  'WRONG-READS-LISTED': {
    source: 'issue 9, Who is this; Corrections',
    behaviour:
      'Of each correction, and of one that was taken back, those are named who were shown a reading while it stood under the wrong patient, and who may have been where the evidence does not say what it showed; nobody is named whom it says to have been shown something else.',
  },
  'AMEND-OWN-ROWS': {
    source: 'issue 9, Corrections',
    behaviour:
      'Of decisions about the same readings at the same time each answers how many rows it changed itself, and that another one was first.',
  },
  'AMEND-MERGED': {
    source: 'issue 9, Corrections',
    behaviour:
      'Readings that an operator gave to a number follow its person when the number is merged into another, with what comes late, what was decided of the number holds for whom it goes by, and both are as before once the merge is ended.',
  },
  'AMEND-RECKONED': {
    source: 'issue 9, Corrections',
    behaviour:
      'What is due, the gain of weight, what is usual of a person and NEWS2 are of the readings that count and of whom they are, as soon as an operator voids them, gives them away or takes that back.',
  },
  'AMEND-LATE': {
    source: 'issue 9, Corrections',
    behaviour:
      'What comes late of a stretch, or as another version of a measurement, about which an operator decided follows that at once.',
  },
  'AMEND-ORDER-FREE': {
    source: 'issue 9, Corrections and Proof',
    behaviour: 'Readings and decisions about them lead to the same state in whatever order they come and are carried out.',
  },
  'AMEND-REFUSED': {
    source: 'issue 9, Corrections',
    behaviour:
      'Nothing is given to a patient who is not known, was erased or has it already; what is not kept row by row, or is nobody’s, is not decided about one by one.',
  },
  'AMEND-CONFIRM-REFUSED': {
    source: 'issue 9, Corrections',
    behaviour:
      'A reading that is not doubtful, was entered in error, or does not stand any more is not confirmed: the refusal says which it is and what to do, and nothing is decided of what is named with it.',
  },
  'AMEND-ONCE': {
    source: 'issue 9, Corrections',
    behaviour:
      'A reading that is void or confirmed already is not so once more: the answer names what was decided before and by whom, nothing is kept twice, and undoing it once is enough; so of a stretch all of which is void. Where something else that was decided of the same readings still holds, the undoing names it.',
  },
  'AMEND-OF-SOMETHING': {
    source: 'issue 9, Corrections',
    behaviour:
      'A decision of a stretch of which no reading is kept is refused and not kept, unless it is said that it is still to come; what is no vital sign is refused with the one that was meant most likely.',
  },
  'MERGED-ONCE': {
    source: 'issue 9, Patient identity',
    behaviour:
      'Who is one person already is not merged again by hand, and what an operator takes back never parts whom the hospital, or another operator, merged too.',
  },
  'CENSUS-ERASED': {
    source: 'issue 9, Erasure',
    behaviour:
      'A line of a census that names somebody of a time before they were erased is a fault with its number, in a trial too; it is not counted, has no id to take it back, and the other lines count.',
  },
  'AMEND-COMMANDS': {
    source: 'issue 9, Corrections',
    behaviour:
      'An operator voids readings or gives them to another patient, for a reason of a list and with a note that is sealed, while the hub runs or not; what was, when, by whom and why, and who had been shown it, can be shown; all of it is decided by the policy and recorded.',
  },
  'AMEND-RESUMED': {
    source: 'issue 9, Corrections',
    behaviour:
      'Correcting readings, or undoing it, that is cut off at any point goes on at the next start: no row is lost, doubled, or left otherwise than was decided.',
  },
  'CORRECTION-ORDER-FREE': {
    source: 'issue 9, Corrections',
    behaviour:
      'What a device corrects or takes back leads to the same state whether that comes before or after it, and before or after a movement, a merge or an operator made it another patient’s.',
  },
  'AMEND-ROLLED-UP': {
    source: 'issue 9, Corrections',
    behaviour: 'Where readings of a stretch were rolled up, what was rolled up is flagged as doubtful and the decision says of how many.',
  },
  'REASSIGN-SLICED': {
    source: 'issue 9, Figures',
    behaviour:
      'A late movement moves rows by slices of time over all devices of a patient, so that pages of the store are written once and not once a device; each row is looked at once, and what does not move is not walked.',
  },
  'REASSIGN-RESUMED': {
    source: 'issue 9, Late movements re-apply',
    behaviour:
      'Moving rows that is cut off at any point goes on at the next start: no row is lost, doubled, or left with whom it is not of.',
  },
} as const satisfies Record<string, Requirement>;
