import { z } from 'zod';

/** A path, relative to where the program is started. */
export const filePath = z.string().min(1);

/** What every long-running program says in the same words. */
export const operatorConfig = z.strictObject({ socket: filePath.describe("The operator's Unix socket.") });
export const logConfig = z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info') }).prefault({});
