/** What the messages of some files give under the dialect that is for them. */
export interface SharedOutcome {
  dialect: string;
  /** Readings, events of movements, acknowledgements, rejected parts by code. */
  outcome: string;
  /** Why that is right. */
  reason: string;
  files: readonly string[];
}

/** Every HL7 file of ../shared/data, read line by line. Only messages under MDC codes give readings, and only ADT moves anybody. */
export const HL7_OUTCOMES: readonly SharedOutcome[] = [
  {
    dialect: 'hl7-continua-wan',
    outcome: '3 readings AA, HL7-ASIDE 2',
    reason: 'Blood pressure under MDC; the time protocol (CWE) and the clock (DTM) of the hub are no measurements.',
    files: ['hl7v2/ipf-pcd01/valid-bp-continua-wan.hl7v2'],
  },
  {
    dialect: 'hl7-continua-wan',
    outcome: '1 readings AA, HL7-ASIDE 1',
    reason: 'SpO2 80.5 %, and a pleth wave that is not read unless a source says so.',
    files: ['hl7v2/ipf-pcd01/valid-oximeter-continua-wan.hl7v2'],
  },
  {
    dialect: 'hl7-continua-wan',
    outcome: '1 readings AA',
    reason: '98.6 degrees Fahrenheit, oral.',
    files: ['hl7v2/ipf-pcd01/valid-thermometer-continua-wan.hl7v2'],
  },
  {
    dialect: 'hl7-continua-wan',
    outcome: '0 readings AA, DECODE-UNKNOWN-CODE 4, HL7-VALUE-TYPE 4',
    reason: 'Strength training: MDC codes without a row in the parameter table, and coded positions (CWE).',
    files: ['hl7v2/ipf-pcd01/valid-fitness-continua-wan.hl7v2'],
  },
  {
    dialect: 'hl7-pcd01',
    outcome: '3 readings AA',
    reason: 'Blood pressure under MDC.',
    files: ['hl7v2/ipf-pcd01/valid-pcd01-request.hl7v2'],
  },
  {
    dialect: 'hl7-pcd01',
    outcome: '0 readings, HL7-TYPE 1',
    reason: 'An acknowledgement is not acknowledged.',
    files: ['hl7v2/ipf-pcd01/valid-pcd01-response.hl7v2', 'hl7v2/ipf-pcd01/valid-wan-response.hl7v2'],
  },
  {
    dialect: 'hl7-pcd01',
    outcome: '0 readings, HL7-TYPE 1',
    reason: 'An order, whose MSH-15 and MSH-16 ask for no answer.',
    files: ['hl7v2/prime-reportstream/hl7_2.7.hl7'],
  },
  {
    dialect: 'hl7-pcd01',
    outcome: '0 readings AA, DECODE-UNKNOWN-CODE 5, HL7-VALUE-TYPE 69',
    reason: 'A report of a laboratory: its codes are LOINC or local, and are kept; texts and codes are counted.',
    files: ['hl7v2/data-exchange-hl7/Lyme_HappyPath.txt'],
  },
  {
    dialect: 'hl7-pcd01',
    outcome: '0 readings AA, DECODE-UNKNOWN-CODE 2, HL7-VALUE-TYPE 28',
    reason: 'A report of a laboratory: its codes are LOINC or local, and are kept; texts and codes are counted.',
    files: ['hl7v2/data-exchange-hl7/Valid-GenV1-0-Case-Notification.hl7'],
  },
  {
    dialect: 'hl7-pcd01',
    outcome: '0 readings AA, DECODE-UNKNOWN-CODE 10',
    reason: 'A report of a laboratory: its codes are LOINC or local, and are kept; texts and codes are counted.',
    files: ['hl7v2/fhir-converter/LAB-ORU-1.hl7'],
  },
  {
    dialect: 'hl7-pcd01',
    outcome: '0 readings AA, DECODE-UNKNOWN-CODE 3',
    reason: 'A report of a laboratory: its codes are LOINC or local, and are kept; texts and codes are counted.',
    files: ['hl7v2/rethinkhealth/oru-r01.hl7'],
  },
  {
    dialect: 'hl7-pcd01',
    outcome: '0 readings AA, DECODE-UNKNOWN-CODE 1',
    reason: 'One number under a code that is not MDC.',
    files: [
      'hl7v2/prime-mapping/obx/OBX-to-Observation-sn-as-range-value.hl7',
      'hl7v2/prime-mapping/obx/OBX-to-Observation-sn-as-ratio-value-division.hl7',
      'mllp/cosyte/r1-oru-r01.frame.bin',
    ],
  },
  {
    dialect: 'hl7-pcd01',
    outcome: '0 readings CA, DECODE-UNKNOWN-CODE 1, HL7-SEGMENT 1, HL7-VALUE-TYPE 4',
    reason: 'MSH-15 is AL and MSH-16 NE: a commit acknowledgement only. A TXA belongs into no ORU^R01, and is kept.',
    files: ['hl7v2/fhir-converter/ORU-R01-01.hl7'],
  },
  {
    dialect: 'hl7-pcd01',
    outcome: '0 readings CA, DECODE-UNKNOWN-CODE 1',
    reason: 'MSH-15 is AL and MSH-16 NE: a commit acknowledgement only. Codes of a laboratory.',
    files: ['hl7v2/ipf-misc/modules-msg-10.hl7'],
  },
  {
    dialect: 'hl7-pcd01',
    outcome: '0 readings CA, DECODE-UNKNOWN-CODE 4',
    reason: 'MSH-15 is AL and MSH-16 NE: a commit acknowledgement only. Codes of a laboratory.',
    files: ['hl7v2/ipf-misc/oru-r01-25.hl7'],
  },
  {
    dialect: 'hl7-pcd01',
    outcome: '0 readings, DECODE-UNKNOWN-CODE 1, HL7-VALUE-TYPE 1',
    reason: 'MSH-15 and MSH-16 are NE: nothing is answered. Codes and texts of a test at home.',
    files: ['hl7v2/prime-reportstream/marsotcelr-valid.hl7'],
  },
  {
    dialect: 'hl7-pcd01',
    outcome: '0 readings, HL7-VALUE-TYPE 6',
    reason: 'MSH-15 and MSH-16 are NE: nothing is answered. Codes and texts of a laboratory.',
    files: ['hl7v2/prime-reportstream/single_message.hl7'],
  },
  {
    dialect: 'hl7-pcd01',
    outcome: '0 readings AA, HL7-VALUE-TYPE 1',
    reason: 'A text, code, date, range or document.',
    files: [
      'hl7v2/prime-mapping/obx/OBX-to-Observation-ce-value.hl7',
      'hl7v2/prime-mapping/obx/OBX-to-Observation-dt-value.hl7',
      'hl7v2/prime-mapping/obx/OBX-to-Observation-ed-value.hl7',
      'hl7v2/prime-mapping/obx/OBX-to-Observation-is-value.hl7',
      'hl7v2/prime-mapping/obx/OBX-to-Observation-nr-value.hl7',
      'hl7v2/prime-mapping/obx/OBX-to-Observation-obx-33-no-extension.hl7',
      'hl7v2/prime-mapping/obx/OBX-to-Observation-obx25-not-valued.hl7',
      'hl7v2/prime-mapping/obx/OBX-to-Observation-obx25-valued.hl7',
      'hl7v2/prime-mapping/obx/OBX-to-Observation-st-value.hl7',
      'hl7v2/prime-mapping/obx/OBX-to-Observation-tx-value.hl7',
      'hl7v2/prime-mapping/other/NTE-to-annotation.hl7',
    ],
  },
  {
    dialect: 'hl7-pcd01',
    outcome: '0 readings AA',
    reason: 'An ORU^R01 without any OBX.',
    files: [
      'hl7v2/prime-mapping/dtm-instant/dtm-csec-precision-to-instant.hl7',
      'hl7v2/prime-mapping/dtm-instant/dtm-dsec-precision-to-instant.hl7',
      'hl7v2/prime-mapping/dtm-instant/dtm-minute-precision-to-instant.hl7',
      'hl7v2/prime-mapping/dtm-instant/dtm-month-precision-to-instant.hl7',
      'hl7v2/prime-mapping/dtm-instant/dtm-second-precision-to-instant.hl7',
      'hl7v2/prime-mapping/dtm-instant/dtm-zero-year-to-instant.hl7',
      'hl7v2/prime-mapping/msh/MSH-to-MessageHeader-everything-valued.hl7',
      'hl7v2/prime-mapping/msh/MSH-to-MessageHeader-msh17-valued-msh4-not-valued.hl7',
      'hl7v2/prime-mapping/msh/MSH-to-MessageHeader-msh24-valued-msh3-not-valued.hl7',
      'hl7v2/prime-mapping/msh/MSH-to-MessageHeader-msh5-msh25-same-value.hl7',
      'hl7v2/prime-mapping/msh/MSH-to-MessageHeader-msh6-msh25-valued-msh5-not-valued.hl7',
      'hl7v2/prime-mapping/msh/MSH-to-MessageHeader-uses-MSH194.hl7',
      'hl7v2/prime-mapping/other/EI-to-Identifier-Extension.hl7',
      'hl7v2/prime-mapping/other/EI-to-Identifier-organization-assigner.hl7',
      'hl7v2/prime-mapping/other/cq_29_null.hl7',
    ],
  },
  {
    dialect: 'hl7-pcd01',
    outcome: '0 readings AA',
    reason: 'One OBX with neither type nor value, and no MDC code: nothing is measured in it.',
    files: [
      'hl7v2/prime-mapping/obx/OBX-to-Observation-data-absent-n-value.hl7',
      'hl7v2/prime-mapping/obx/OBX-to-Observation-data-absent-x-value.hl7',
      'hl7v2/prime-mapping/other/prt-to-device.hl7',
    ],
  },
  {
    dialect: 'hl7-pcd01',
    outcome: '0 readings AR, HL7-NO-MSH 1',
    reason: 'No header.',
    files: ['hl7v2/rethinkhealth/invalid-missing-msh.hl7'],
  },
  {
    dialect: 'hl7-pcd01',
    outcome: '0 readings AR, HL7-VERSION 1',
    reason: 'The fields of the header are off by one: MSH-12, the version, is P.',
    files: ['hl7v2/openpace-pacemaker/medtronic_sample.hl7'],
  },
  {
    dialect: 'hl7-pcd01',
    outcome: '0 readings CR AR, HL7-TYPE 1',
    reason: 'A vaccination; MSH-15 and MSH-16 ask for both answers.',
    files: ['hl7v2/fhir-converter/VXU.hl7'],
  },
  {
    dialect: 'hl7-pcd01',
    outcome: '0 readings AR, HL7-TYPE 1',
    reason: 'An order, a specimen or a document: no monitor sends them.',
    files: ['hl7v2/fhir-converter/ORM-O01-01.hl7', 'hl7v2/fhir-converter/OUL-R22-01.hl7', 'hl7v2/v2-to-fhir/Message.hl7_MDM_T02.txt'],
  },
  {
    dialect: 'hl7-adt',
    outcome: '0 readings A01 AA',
    reason: 'An admission.',
    files: [
      'hl7v2/fhir-converter/ADT-A01-01.hl7',
      'hl7v2/fhir-converter/ADT-A01-02.hl7',
      'hl7v2/fhir-converter/ADT01-23.hl7',
      'hl7v2/rethinkhealth/adt-a01.hl7',
      'hl7v2/rethinkhealth/edge-crlf-line-endings.hl7',
      'hl7v2/rethinkhealth/edge-escaped-delimiters.hl7',
      'hl7v2/rethinkhealth/edge-field-repetitions.hl7',
      'hl7v2/rethinkhealth/edge-z-segments.hl7',
    ],
  },
  {
    dialect: 'hl7-adt',
    outcome: '0 readings A04 AA',
    reason: 'A registration.',
    files: ['hl7v2/fhir-converter/ADT04-251.hl7'],
  },
  {
    dialect: 'hl7-adt',
    outcome: '0 readings A40 AA',
    reason: 'Two patients become one.',
    files: ['hl7v2/ipf-misc/iti8-a40.hl7'],
  },
  {
    dialect: 'hl7-adt',
    outcome: '0 readings A47 AA',
    reason: 'A patient gets another number.',
    files: ['hl7v2/fhir-converter/ADT-A47-01.hl7', 'hl7v2/fhir-converter/ADT-A47-02.hl7'],
  },
  {
    dialect: 'hl7-adt',
    outcome: '0 readings A05 AA, HL7-EVENT 1',
    reason: 'A pre-admission; EVN-1 was left as A01.',
    files: ['hl7v2/fhir-converter/ADT-A05-01.hl7', 'hl7v2/fhir-converter/ADT-A05-02.hl7'],
  },
  {
    dialect: 'hl7-adt',
    outcome: '0 readings A07 AA, HL7-EVENT 1',
    reason: 'An inpatient becomes an outpatient; EVN-1 was left as A01 or A02.',
    files: ['hl7v2/fhir-converter/ADT-A07-01.hl7', 'hl7v2/fhir-converter/ADT-A07-02.hl7'],
  },
  {
    dialect: 'hl7-adt',
    outcome: '0 readings AR, HL7-EVENT 1',
    reason: 'MSH-9 says a discharge or the end of an admission and EVN-1 an admission: which of them happened is not guessed.',
    files: [
      'hl7v2/fhir-converter/ADT-A03-01.hl7',
      'hl7v2/fhir-converter/ADT-A03-02.hl7',
      'hl7v2/fhir-converter/ADT-A11-01.hl7',
      'hl7v2/fhir-converter/ADT-A11-02.hl7',
    ],
  },
  {
    dialect: 'hl7-adt',
    outcome: '0 readings AA, HL7-TYPE 1',
    reason: 'Plans, tracking, accounts and changes of a record: they move nobody, and are counted.',
    files: [
      'hl7v2/fhir-converter/ADT-A09-01.hl7',
      'hl7v2/fhir-converter/ADT-A09-02.hl7',
      'hl7v2/fhir-converter/ADT-A14-01.hl7',
      'hl7v2/fhir-converter/ADT-A14-02.hl7',
      'hl7v2/fhir-converter/ADT-A16-01.hl7',
      'hl7v2/fhir-converter/ADT-A16-02.hl7',
      'hl7v2/fhir-converter/ADT-A26-01.hl7',
      'hl7v2/fhir-converter/ADT-A26-02.hl7',
      'hl7v2/fhir-converter/ADT-A28-01.hl7',
      'hl7v2/fhir-converter/ADT-A28-02.hl7',
      'hl7v2/fhir-converter/ADT-A31-01.hl7',
      'hl7v2/fhir-converter/ADT-A31-02.hl7',
      'hl7v2/fhir-converter/ADT-A41-01.hl7',
      'hl7v2/fhir-converter/ADT-A41-02.hl7',
    ],
  },
];

/** The Ivy 450C speaks a protocol of its own (`SPO2=1;100;PR=80`): its lines have the keys of others, and none of their forms. */
export const SERIAL_OUTCOMES: Readonly<Record<string, readonly string[]>> = {
  '0 readings, DECODE-FIELD 28, DECODE-GARBAGE 237, DECODE-TIME 28, DECODE-TRUNCATED 1': ['masimo-ascii1 serial/ivy450c/Ivy450C.1.data'],
  '0 readings, DECODE-FIELD 56, DECODE-GARBAGE 199, DECODE-OVERSIZED 38, DECODE-TRUNCATED 1': ['nonin-ascii serial/ivy450c/Ivy450C.1.data'],
};

/** JSON of other makers: nothing in it is taken for a measurement of the home hub. */
export const JSON_OUTCOMES = ['0 readings, DECODE-UNKNOWN-CODE 1'];

/** What the PCD-01 messages of ipf give under `hl7-continua-wan`, read line by line. */
export const CONTINUA_OUTCOMES: Readonly<Record<string, readonly string[]>> = {
  // The time protocol and the clock of the device are known rows of this dialect, left aside.
  '3 readings AA, HL7-ASIDE 2': ['hl7v2/ipf-pcd01/valid-bp-continua-wan.hl7v2'],
  '3 readings AA': ['hl7v2/ipf-pcd01/valid-pcd01-request.hl7v2'],
  // SpO2 beside a wave, which is left aside unless waves are read.
  '1 readings AA, HL7-ASIDE 1': ['hl7v2/ipf-pcd01/valid-oximeter-continua-wan.hl7v2'],
  '1 readings AA': ['hl7v2/ipf-pcd01/valid-thermometer-continua-wan.hl7v2'],
  // Exercise: no row in the parameter table; coded positions are no measurements.
  '0 readings AA, DECODE-UNKNOWN-CODE 4, HL7-VALUE-TYPE 4': ['hl7v2/ipf-pcd01/valid-fitness-continua-wan.hl7v2'],
  '0 readings, HL7-TYPE 1': ['hl7v2/ipf-pcd01/valid-pcd01-response.hl7v2', 'hl7v2/ipf-pcd01/valid-wan-response.hl7v2'],
};
