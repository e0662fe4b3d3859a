import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sampleOf } from '../soak/growth.ts';
import type { BenchSiteOptions } from './bench-site.ts';

const root = join(import.meta.dirname, '..', '..');

/** Runs `work` with the programs as the published package has them: started by their commands, without types, beside the packages of this clone. */
export async function withPackage<T>(work: (program: NonNullable<BenchSiteOptions['program']>) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'vm-bench-package-'));
  try {
    const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts', 'strip.ts'), '--into', folder], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    for (const part of ['bin', 'package.json']) cpSync(join(root, part), join(folder, part), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    return await work((name, args) => [join(folder, 'bin', `vitalmesh-${name}.mjs`), ...args]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Of a process, MB of 1,000,000 bytes. */
export function residentMb(pid: number): number {
  const sample = sampleOf(pid, 0);
  if (!sample) throw new Error('the process has ended');
  return sample.rssMb;
}

/** The most that it was ever resident (proc(5), VmHWM in kB of 1,024 bytes). */
export function peakMb(pid: number): number {
  const [, kib = ''] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return (Number(kib) * 1024) / 1e6;
}
