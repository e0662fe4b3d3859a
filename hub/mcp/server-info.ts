/** How the server presents itself in both revisions. */
export const SERVER_INFO = { name: 'vitalmesh', title: 'Vitalmesh', version: '0.1.0' };

/** For hosts that show a server's instructions to the model; nothing depends on their being read. */
export const INSTRUCTIONS =
  "Vital signs of the patients this caller may see, as bedside and home devices measured them. List patients first, then read one patient's latest values or subscribe to them. " +
  'A value that is null is missing or too old; it is never a normal finding. A panel such as a blood pressure has no value of its own, but one of each part. ' +
  'This is not an alarm system.';
