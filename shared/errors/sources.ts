import type { ErrorEntry } from './entry.ts';

/** Of devices: sources, captures, and what is decoded of them. */
export const SOURCES_ERRORS = {
  'DECODE-PROFILE': {
    message: 'There is no such decoding profile.',
    advice: 'vitalmesh-agent decode --list names them.',
    retryable: false,
  },
  'DECODE-OVERSIZED': {
    message: 'A frame or message is larger than the limit of its source.',
    advice: 'Check the device, or raise maxFrameBytes of the source.',
    retryable: false,
  },
  'DECODE-GARBAGE': {
    message: 'Bytes that belong to no frame were skipped.',
    advice: 'Check line settings, cabling and the profile.',
    retryable: false,
  },
  'DECODE-TRUNCATED': {
    message: 'The stream ended inside a frame.',
    advice: 'The device or link was cut off; what came before is kept.',
    retryable: false,
  },
  'DECODE-CHECKSUM': { message: 'A frame has a wrong checksum.', advice: 'Check cabling and line settings.', retryable: false },
  'DECODE-JSON': { message: 'A payload is not valid JSON.', advice: 'Check the sender.', retryable: false },
  'DECODE-FIELD': {
    message: 'A field of a reading is missing or has the wrong form.',
    advice: 'Check the profile or mapping against the device.',
    retryable: false,
  },
  'DECODE-UNIT': {
    message: 'A unit is unknown or cannot be converted to the unit of this vital sign.',
    advice: 'Set the unit on the device, or map it.',
    retryable: false,
  },
  'DECODE-UNKNOWN-CODE': {
    message: 'A measurement code is not in the parameter table.',
    advice: 'The value is kept in quarantine; ask for the code to be added.',
    retryable: false,
  },
  'DECODE-DROPPED': {
    message: 'The mapping says that this is no measurement of a patient.',
    advice: 'Nothing needs to be done; change `drop` of the mapping if it is one.',
    retryable: false,
  },
  'DECODE-DEVICE-UNKNOWN': {
    message: 'The message is from a device that this source does not list.',
    advice: 'Add the device to the source if it belongs here.',
    retryable: false,
  },
  'DECODE-TIME': { message: 'A time cannot be read.', advice: 'Check the zone and clock of the device.', retryable: false },
  'MAPPING-INVALID': { message: 'A mapping has errors.', advice: 'Correct the fields named.', retryable: false },
  'HL7-NO-MSH': {
    message: 'The message does not begin with an MSH segment.',
    advice: 'Check that the sender speaks HL7 v2.',
    retryable: false,
  },
  'HL7-SEPARATORS': {
    message: 'MSH-1 and MSH-2 name separators that cannot be ones.',
    advice: 'Set five different characters that are no letters, digits, blanks or signs of numbers; the usual ones are |^~\\&.',
    retryable: false,
  },
  'HL7-VERSION': {
    message: 'MSH-12 names an HL7 version that is not read here.',
    advice: 'Versions 2.1 to 2.8 are read; set one of them on the sender.',
    retryable: false,
  },
  'HL7-TYPE': {
    message: 'MSH-9 names a message type that is not read here.',
    advice: 'See vitalmesh-agent decode --list for the profiles and what each reads.',
    retryable: false,
  },
  'HL7-EVENT': {
    message: 'MSH-9 and EVN-1 name different events.',
    advice:
      'Where both come down to the same, MSH-9 counted and nothing is lost; a message in which they contradict each other was refused. Let the interface engine write both alike, or leave EVN-1 empty.',
    retryable: false,
  },
  'HL7-CHARSET': {
    message: 'MSH-18 names a character set that is not known.',
    advice: 'Set ASCII, 8859/1 or UNICODE UTF-8 on the sender.',
    retryable: false,
  },
  'HL7-VALUE-TYPE': {
    message: 'An OBX has a value type that is not read here.',
    advice: 'Numbers (NM, SN) are read; texts, codes and waveforms are counted and left out.',
    retryable: false,
  },
  'HL7-SETTING': {
    message: 'A setting of a device that is not in the parameter table was left aside; it is no measurement.',
    advice: 'Nothing is to be done; it is only counted.',
    retryable: false,
  },
  'HL7-ASIDE': {
    message: 'A row that this dialect says is no measurement was left aside.',
    advice: 'Nothing is to be done; it is only counted.',
    retryable: false,
  },
  'HL7-WAVE': {
    message: 'How often a wave was sampled is not said, or something is said that could change its samples.',
    advice: 'The wave was refused; have the sender say MDC_ATTR_SAMP_RATE, or give samplesPerSecond in a dialect file.',
    retryable: false,
  },
  'HL7-PATIENT-LOST': {
    message: 'Nothing says any more which patient this connection is about: what may have said so could not be read.',
    advice: 'Nothing is taken before the sender names its patient again; a new connection makes it do so.',
    retryable: false,
  },
  'HL7-SEGMENT': { message: 'A segment cannot be read.', advice: 'The other segments were kept; check the sender.', retryable: false },
  'HL7-DUPLICATE-ID': {
    message: 'A sender gave the name of an earlier message (MSH-10) to another one; both were stored.',
    advice: 'Nothing is lost. If it repeats, the sender does not number its messages as its profile says; please report it.',
    retryable: false,
  },
  'SOURCE-OPEN': {
    message: 'A source could not be opened.',
    advice: 'Check path, address and permissions; it is tried again.',
    retryable: true,
  },
  'SOURCE-LOST': {
    message: 'A source was lost.',
    advice: 'Check cable, power and network; it is opened again by itself.',
    retryable: true,
  },
  'SOURCE-RETAINED': {
    message: 'A retained MQTT message was left out, because its values are old.',
    advice: 'Publish measurements without the retain flag.',
    retryable: false,
  },
  'SOURCE-TLS': {
    message: 'A device was reached, and TLS with it failed.',
    advice: 'Check who issued the certificates of both ends, their names and times; it is tried again.',
    retryable: true,
  },
  'SOURCE-CERTIFICATE': {
    message: 'The certificate of a source cannot be used: it is out of its time, or does not fit its key.',
    advice: 'Put a new certificate and its key (PEM) in place of the files; they are read anew by themselves.',
    retryable: true,
  },
  'SOURCE-CREDENTIALS': {
    message: 'A credentials file of a source is missing, empty or readable by others.',
    advice: 'It must hold one line and have mode 0600.',
    retryable: false,
  },
  'CAPTURE-SOURCE': {
    message: 'The bytes of this source cannot be captured or played back in that way.',
    advice: 'Sources of HL7 and serial devices are captured; where it is not known where names stand, only --with-identifiers can.',
    retryable: false,
  },
  'CAPTURE-BUSY': {
    message: 'As many captures as there may be are under way.',
    advice: 'Wait until one of them has ended.',
    retryable: true,
  },
  'CAPTURE-FILE': {
    message: 'The file of a capture cannot be written or read.',
    advice: 'Choose another path; an existing file is never overwritten.',
    retryable: false,
  },
  'CAPTURE-DAMAGED': {
    message: 'The file is no capture, or was cut off or changed.',
    advice: 'Make a new one; a capture is played back as a whole or not at all.',
    retryable: false,
  },
} as const satisfies Record<string, ErrorEntry>;
