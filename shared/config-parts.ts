import { z } from 'zod';

/** A path, relative to where the program is started. */
export const filePath = z.string().min(1);

const PLACEHOLDER = /^[A-Z]+-IDENTITY-ID$/;

/** False for what a sample file has in the place of an identity id, with the words for it. */
export const isNoPlaceholder = (text: string): boolean => !PLACEHOLDER.test(text);
export const PLACEHOLDER_HINT = 'still a placeholder; expected an identity id, as `vitalmesh enroll` prints it';

/** What every long-running program says in the same words. */
export const operatorConfig = z.strictObject({ socket: filePath.describe("The operator's Unix socket.") });
export const logConfig = z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info') }).prefault({});
