import { type BigIntStats, readFileSync, statSync } from 'node:fs';

/**
 * The process that holds a POSIX lock on a file, as far as the kernel tells: on Linux, within the own pid namespace, on file systems whose
 * device number is their files' own. Undefined otherwise. The file is not opened: that would give up this process's own locks on it.
 */
export function lockHolder(path: string): number | undefined {
  try {
    return holderIn(readFileSync('/proc/locks', 'utf8'), statSync(path, { bigint: true }));
  } catch {
    return undefined;
  }
}

/** The same out of the text of /proc/locks: `1: POSIX  ADVISORY  WRITE 42 fe:00:1234 0 EOF`, device in hexadecimal (proc_locks(5)). */
export function holderIn(locks: string, { dev, ino }: Pick<BigIntStats, 'dev' | 'ino'>): number | undefined {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  const hex = (part: bigint): string => part.toString(16).padStart(2, '0');
  const file = `${hex(major)}:${hex(minor)}:${ino}`;
  for (const line of locks.split('\n')) {
    const [, pid, held] = /^\d+: POSIX +\S+ +\S+ +(\d+) (\S+) /.exec(line) ?? [];
    if (held === file && pid !== '0') return Number(pid);
  }
  return undefined;
}
