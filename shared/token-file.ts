import { VitalmeshError } from './errors.ts';
import { readOwnerFile } from './identity/owner-file.ts';

/** RFC 6750 §2.1: what a bearer token is made of. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

/**
 * The access token that a file holds, read anew at each call: whoever renews it replaces the file. Throws ACCESS-TOKEN-FILE when there is none, when
 * it can be read by others (mode 0600 it must be), or holds no token; nothing of it is repeated.
 */
export function tokenFromFile(path: string): () => string {
  return () => {
    const token = contentOf(path)?.trim();
    if (token === undefined) throw new VitalmeshError('ACCESS-TOKEN-FILE', { detail: path });
    if (!TOKEN.test(token)) throw new VitalmeshError('ACCESS-TOKEN-FILE', { detail: `${path} holds no token` });
    return token;
  };
}

function contentOf(path: string): string | undefined {
  try {
    return readOwnerFile(path);
  } catch (cause) {
    const why = cause instanceof VitalmeshError && cause.code === 'IDENTITY-MODE' ? 'others can read it' : 'it cannot be read';
    throw new VitalmeshError('ACCESS-TOKEN-FILE', { cause, detail: `${path}: ${why}` });
  }
}
