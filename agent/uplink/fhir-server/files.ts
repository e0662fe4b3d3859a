import { asVitalmeshError, VitalmeshError } from '../../../shared/errors.ts';
import type { TlsCredentials } from '../../../shared/overlay/ziti/controller/connector.ts';
import { readSecretFile } from '../../sources/secret-file.ts';
import { readTls } from '../../sources/tls.ts';

/** Where it stands what proves this agent to a FHIR server, and whom it trusts. */
export interface FhirServerFiles {
  /** A bearer token (RFC 6750 §2.1), in a file of mode 0600. */
  tokenFile?: string | undefined;
  tls?: { caFile?: string | undefined; certFile?: string | undefined; keyFile?: string | undefined } | undefined;
}

/** What was in the files. */
export interface FhirCredentials {
  token?: string;
  /** Texts are empty where there is no file. */
  tls: TlsCredentials;
}

/** RFC 6750 §2.1, b64token. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

/** Reads them all. Throws FHIR-CREDENTIALS, and CONFIG-UNREADABLE for a certificate that is not there. */
export function readCredentials({ tokenFile, tls = {} }: FhirServerFiles): FhirCredentials {
  try {
    const { cert = '', key = '', ca = '' } = readTls(tls);
    const own = { tls: { certPem: cert, keyPem: key, caPem: ca } };
    if (tokenFile === undefined) return own;
    const token = readSecretFile(tokenFile);
    if (!TOKEN.test(token)) throw new VitalmeshError('FHIR-CREDENTIALS', { detail: `${tokenFile} holds no token of one line` });
    return { ...own, token };
  } catch (thrown) {
    const { code, detail, cause } = asVitalmeshError(thrown);
    if (code !== 'SOURCE-CREDENTIALS' && code !== 'SOURCE-CERTIFICATE') throw thrown;
    throw new VitalmeshError('FHIR-CREDENTIALS', { ...(detail !== undefined && { detail }), cause });
  }
}
