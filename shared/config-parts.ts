import { z } from 'zod';
import { credentialPath } from './storage/key-file.ts';

/** A path, relative to where the program is started. */
export const filePath = z.string().min(1);

const PLACEHOLDER = /^[A-Z]+-IDENTITY-ID$/;

/** False for what a sample file has in the place of an identity id, with the words for it. */
export const isNoPlaceholder = (text: string): boolean => !PLACEHOLDER.test(text);
export const PLACEHOLDER_HINT = 'still a placeholder; expected an identity id, as `vitalmesh enroll` prints it';

/** What every long-running program says in the same words. */
export const operatorConfig = z.strictObject({ socket: filePath.describe("The operator's Unix socket.") });
export const logConfig = z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info') }).prefault({});

/** Where the data key of an encrypted file comes from: one of the two. To be followed by `oneKey` and `withKeyFile`. */
export const dataKeyConfig = {
  keyFile: filePath
    .optional()
    .describe('Its key: 64 hexadecimal digits in a file of mode 0600; made together with the file that it opens.'),
  keyCredential: z
    .string()
    .regex(/^(?!\.\.?$)[\w.@-]{1,255}$/, 'expected the name of a systemd credential')
    .optional()
    .describe(
      'Instead of keyFile: the name of a systemd credential that holds the same (LoadCredentialEncrypted= of the unit). It is never made.',
    ),
};

interface DataKey {
  keyFile?: string | undefined;
  keyCredential?: string | undefined;
}

/** For `superRefine`: exactly one of `keyFile` and `keyCredential`. */
export function oneKey({ keyFile, keyCredential }: DataKey, context: z.RefinementCtx): void {
  if ((keyFile === undefined) === (keyCredential === undefined))
    context.addIssue({ code: 'custom', path: ['keyFile'], message: 'expected either keyFile or keyCredential' });
}

/** For `transform`: the same with the path of the credential as its key file. */
export function withKeyFile<T extends DataKey>({ keyFile, keyCredential, ...rest }: T): Omit<T, keyof DataKey> & { keyFile: string } {
  return { ...rest, keyFile: keyFile ?? credentialPath(keyCredential ?? '') };
}
