import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** State LISTEN of TCP, and the only state of a UDP socket that takes packets from anybody (include/net/tcp_states.h). */
const LISTENS = { tcp: '0A', tcp6: '0A', udp: '07', udp6: '07' } as const;

/**
 * How many network sockets a process listens on: TCP in state LISTEN and unconnected UDP, IPv4 and IPv6, among its own
 * descriptors (proc(5), /proc/pid/net/tcp). Unix sockets do not count: no network reaches them. A process that is gone has none.
 * Linux only; needs the same user.
 */
export function listeningSockets(pid: number): number {
  try {
    return countListening(pid);
  } catch (error) {
    if (isOver(pid)) return 0;
    throw error;
  }
}

/** Whether a process has ended: one that nobody has waited for yet (a zombie) is still there, without any descriptor. */
function isOver(pid: number): boolean {
  return !existsSync(`/proc/${pid}`) || readdirSync(`/proc/${pid}/fd`).length === 0;
}

function countListening(pid: number): number {
  const own = new Set<string>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1];
    if (inode) own.add(inode);
  }
  let count = 0;
  for (const [table, listens] of Object.entries(LISTENS)) {
    for (const line of readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n').slice(1)) {
      const columns = line.trim().split(/\s+/);
      if (columns[3] === listens && own.has(columns[9] ?? '')) count += 1;
    }
  }
  return count;
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // The descriptor was closed between listing and reading.
    return '';
  }
}
