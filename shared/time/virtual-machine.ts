import { existsSync, readFileSync } from 'node:fs';

export interface VirtualFiles {
  /** Of each processor, what it can; x86 has the flag `hypervisor` under one (CPUID.1:ECX bit 31). */
  cpuinfo?: string;
  /** One of them is there where a hypervisor tells of itself: Xen, and the device tree of other processors. */
  hypervisor?: readonly string[];
}

const CPUINFO = '/proc/cpuinfo';
const HYPERVISOR = ['/sys/hypervisor/type', '/proc/device-tree/hypervisor/compatible'];

/**
 * Whether this is a virtual machine, as far as Linux tells. Somebody may pause it, save it or move it: meanwhile all of its clocks stand still, its time
 * since the start too, and nothing that it can read says so afterwards.
 */
export function isVirtualMachine({ cpuinfo = CPUINFO, hypervisor = HYPERVISOR }: VirtualFiles = {}): boolean {
  if (hypervisor.some((path) => existsSync(path))) return true;
  try {
    return /^flags\s*:.*\bhypervisor\b/m.test(readFileSync(cpuinfo, 'utf8'));
  } catch {
    return false;
  }
}
