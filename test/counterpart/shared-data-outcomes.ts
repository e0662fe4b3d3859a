/**
 * What the HL7 files of ../shared/data give under `hl7-pcd01`, read line by line: the outcome, and the files that have it. Only PCD-01
 * messages give readings; laboratory ORU^R01 are taken and their unknown codes kept; every other type is refused.
 */
export const HL7_OUTCOMES: Readonly<Record<string, readonly string[]>> = {
  // Blood pressure under MDC; in the first, a time protocol (CWE) and a clock (DTM) beside it.
  '3 readings AA, HL7-VALUE-TYPE 2': ['hl7v2/ipf-pcd01/valid-bp-continua-wan.hl7v2'],
  '3 readings AA': ['hl7v2/ipf-pcd01/valid-pcd01-request.hl7v2'],
  // SpO2 80.5 % beside a pleth wave (NA), which is left aside unless waves are read.
  '1 readings AA, HL7-ASIDE 1': ['hl7v2/ipf-pcd01/valid-oximeter-continua-wan.hl7v2'],
  // 98.6 degrees Fahrenheit, oral.
  '1 readings AA': ['hl7v2/ipf-pcd01/valid-thermometer-continua-wan.hl7v2'],
  // Strength training: MDC codes without a row in the parameter table, and coded positions (CWE).
  '0 readings AA, DECODE-UNKNOWN-CODE 4, HL7-VALUE-TYPE 4': ['hl7v2/ipf-pcd01/valid-fitness-continua-wan.hl7v2'],
  // Acknowledgements are not acknowledged.
  '0 readings, HL7-TYPE 1': [
    'hl7v2/ipf-pcd01/valid-pcd01-response.hl7v2',
    'hl7v2/ipf-pcd01/valid-wan-response.hl7v2',
    // An order whose MSH-15 and MSH-16 ask for no answer.
    'hl7v2/prime-reportstream/hl7_2.7.hl7',
  ],
  // Laboratory and case reports under LOINC or local codes.
  '0 readings AA, DECODE-UNKNOWN-CODE 5, HL7-VALUE-TYPE 69': ['hl7v2/data-exchange-hl7/Lyme_HappyPath.txt'],
  '0 readings AA, DECODE-UNKNOWN-CODE 2, HL7-VALUE-TYPE 28': ['hl7v2/data-exchange-hl7/Valid-GenV1-0-Case-Notification.hl7'],
  '0 readings AA, DECODE-UNKNOWN-CODE 10': ['hl7v2/fhir-converter/LAB-ORU-1.hl7'],
  '0 readings AA, DECODE-UNKNOWN-CODE 3': ['hl7v2/rethinkhealth/oru-r01.hl7'],
  '0 readings AA, DECODE-UNKNOWN-CODE 1': [
    'hl7v2/prime-mapping/obx/OBX-to-Observation-sn-as-range-value.hl7',
    'hl7v2/prime-mapping/obx/OBX-to-Observation-sn-as-ratio-value-division.hl7',
    'mllp/cosyte/r1-oru-r01.frame.bin',
  ],
  // MSH-15 is AL, MSH-16 NE: a commit acknowledgement only. The HL7-SEGMENT is a TXA, which no ORU^R01 has.
  '0 readings CA, DECODE-UNKNOWN-CODE 1, HL7-SEGMENT 1, HL7-VALUE-TYPE 4': ['hl7v2/fhir-converter/ORU-R01-01.hl7'],
  '0 readings CA, DECODE-UNKNOWN-CODE 1': ['hl7v2/ipf-misc/modules-msg-10.hl7'],
  '0 readings CA, DECODE-UNKNOWN-CODE 4': ['hl7v2/ipf-misc/oru-r01-25.hl7'],
  // MSH-15 and MSH-16 are NE.
  '0 readings, DECODE-UNKNOWN-CODE 1, HL7-VALUE-TYPE 1': ['hl7v2/prime-reportstream/marsotcelr-valid.hl7'],
  '0 readings, HL7-VALUE-TYPE 6': ['hl7v2/prime-reportstream/single_message.hl7'],
  // Texts, codes, dates and documents.
  '0 readings AA, HL7-VALUE-TYPE 1': [
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
  // ORU^R01 without any OBX, or with rows that have neither type nor value.
  '0 readings AA': [
    'hl7v2/prime-mapping/dtm-instant/dtm-csec-precision-to-instant.hl7',
    'hl7v2/prime-mapping/dtm-instant/dtm-dsec-precision-to-instant.hl7',
    'hl7v2/prime-mapping/dtm-instant/dtm-minute-precision-to-instant.hl7',
    'hl7v2/prime-mapping/dtm-instant/dtm-month-precision-to-instant.hl7',
    'hl7v2/prime-mapping/dtm-instant/dtm-second-precision-to-instant.hl7',
    'hl7v2/prime-mapping/dtm-instant/dtm-zero-year-to-instant.hl7',
    // MSH-15 and MSH-16 are words that are not of table 0155.
    'hl7v2/prime-mapping/msh/MSH-to-MessageHeader-everything-valued.hl7',
    'hl7v2/prime-mapping/msh/MSH-to-MessageHeader-msh17-valued-msh4-not-valued.hl7',
    'hl7v2/prime-mapping/msh/MSH-to-MessageHeader-msh24-valued-msh3-not-valued.hl7',
    'hl7v2/prime-mapping/msh/MSH-to-MessageHeader-msh5-msh25-same-value.hl7',
    'hl7v2/prime-mapping/msh/MSH-to-MessageHeader-msh6-msh25-valued-msh5-not-valued.hl7',
    'hl7v2/prime-mapping/msh/MSH-to-MessageHeader-uses-MSH194.hl7',
    'hl7v2/prime-mapping/obx/OBX-to-Observation-data-absent-n-value.hl7',
    'hl7v2/prime-mapping/obx/OBX-to-Observation-data-absent-x-value.hl7',
    'hl7v2/prime-mapping/other/EI-to-Identifier-Extension.hl7',
    'hl7v2/prime-mapping/other/EI-to-Identifier-organization-assigner.hl7',
    'hl7v2/prime-mapping/other/cq_29_null.hl7',
    'hl7v2/prime-mapping/other/prt-to-device.hl7',
  ],
  // Refused: no header; a header whose fields are off by one, so that MSH-12 is `P`; types that are not ORU^R01.
  '0 readings AR, HL7-NO-MSH 1': ['hl7v2/rethinkhealth/invalid-missing-msh.hl7'],
  '0 readings AR, HL7-VERSION 1': ['hl7v2/openpace-pacemaker/medtronic_sample.hl7'],
  '0 readings CR AR, HL7-TYPE 1': ['hl7v2/fhir-converter/VXU.hl7'],
  '0 readings AR, HL7-TYPE 1': [
    'hl7v2/fhir-converter/ADT-A01-01.hl7',
    'hl7v2/fhir-converter/ADT-A01-02.hl7',
    'hl7v2/fhir-converter/ADT-A03-01.hl7',
    'hl7v2/fhir-converter/ADT-A03-02.hl7',
    'hl7v2/fhir-converter/ADT-A05-01.hl7',
    'hl7v2/fhir-converter/ADT-A05-02.hl7',
    'hl7v2/fhir-converter/ADT-A07-01.hl7',
    'hl7v2/fhir-converter/ADT-A07-02.hl7',
    'hl7v2/fhir-converter/ADT-A09-01.hl7',
    'hl7v2/fhir-converter/ADT-A09-02.hl7',
    'hl7v2/fhir-converter/ADT-A11-01.hl7',
    'hl7v2/fhir-converter/ADT-A11-02.hl7',
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
    'hl7v2/fhir-converter/ADT-A47-01.hl7',
    'hl7v2/fhir-converter/ADT-A47-02.hl7',
    'hl7v2/fhir-converter/ADT01-23.hl7',
    'hl7v2/fhir-converter/ADT04-251.hl7',
    'hl7v2/fhir-converter/ORM-O01-01.hl7',
    'hl7v2/fhir-converter/OUL-R22-01.hl7',
    'hl7v2/ipf-misc/iti8-a40.hl7',
    'hl7v2/rethinkhealth/adt-a01.hl7',
    'hl7v2/rethinkhealth/edge-crlf-line-endings.hl7',
    'hl7v2/rethinkhealth/edge-escaped-delimiters.hl7',
    'hl7v2/rethinkhealth/edge-field-repetitions.hl7',
    'hl7v2/rethinkhealth/edge-z-segments.hl7',
    'hl7v2/v2-to-fhir/Message.hl7_MDM_T02.txt',
  ],
};

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
