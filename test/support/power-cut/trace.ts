import { isAbsolute } from 'node:path';

/** What a process did to files below a folder, and what it said on standard output, in order. */
export type Step =
  | { kind: 'file' | 'folder' | 'sync' | 'remove'; path: string }
  | { kind: 'write'; path: string; at: number; data: Buffer }
  | { kind: 'resize'; path: string; bytes: number }
  | { kind: 'rename' | 'link'; path: string; to: string }
  | { kind: 'said'; lines: string[] };

/** The system calls that are recorded: those that a step is made of, and those that would change a file in a way that no step tells of. */
export const MODELLED = ['openat', 'open', 'creat', 'close', 'lseek', 'read', 'write', 'pwrite64', 'ftruncate', 'truncate'].concat([
  'fsync',
  'fdatasync',
  'rename',
  'renameat',
  'renameat2',
  'unlink',
  'unlinkat',
  'mkdir',
  'mkdirat',
  'link',
  'linkat',
]);
export const UNMODELLED = ['writev', 'pwritev', 'pwritev2', 'fallocate', 'copy_file_range', 'sendfile', 'splice', 'mmap', 'rmdir'].concat([
  'symlink',
  'symlinkat',
  'sync_file_range',
]);
/** Longer strings are cut by strace. */
export const MAX_TRACED_BYTES = 4 * 1024 * 1024;

const CALL = /^(\d+) +(\w+)\((.*)\) += (-?\d+|\?|0x[0-9a-f]+)/s;
const UNFINISHED = /^(\d+) +(.*) <unfinished \.\.\.>$/s;
const RESUMED = /^(\d+) +<\.\.\. \w+ resumed>(.*)$/s;
const DESCRIPTOR = /^(\d+)<((?:\\x[0-9a-f]{2})*)>/;

/**
 * The steps in what `strace -f -y -xx -s MAX_TRACED_BYTES` wrote, of files below `root`; paths relative to it, `''` for itself. Files that
 * `ignored` names are left out. A call counts from its end on: what has returned has happened, and a power cut within a call is one before it
 * or one after it with its data pending. Throws on a call that would make the model wrong.
 */
export function stepsOf(trace: string, root: string, ignored: RegExp): Step[] {
  const reader = new TraceReader(root, ignored);
  const begun = new Map<string, string>();
  for (const line of trace.split('\n')) {
    const [, pid = '', start = ''] = UNFINISHED.exec(line) ?? [];
    if (pid !== '') {
      begun.set(pid, start);
      continue;
    }
    const [, resumed = '', end = ''] = RESUMED.exec(line) ?? [];
    reader.call(resumed === '' ? line : `${resumed} ${begun.get(resumed) ?? ''}${end}`);
  }
  return reader.steps;
}

class TraceReader {
  readonly steps: Step[] = [];
  readonly #root: string;
  readonly #ignored: RegExp;
  readonly #known = new Set(['']);
  /** Where the next plain write of a descriptor goes. */
  readonly #offsets = new Map<number, number>();

  constructor(root: string, ignored: RegExp) {
    this.#root = root;
    this.#ignored = ignored;
  }

  call(line: string): void {
    const [, , name = '', inner = '', result = ''] = CALL.exec(line) ?? [];
    const returned = Number(result);
    if (name === '' || !(returned >= 0)) return;
    const args = inner.split(', ');
    if (name === 'write' && args[0]?.startsWith('1<')) this.steps.push({ kind: 'said', lines: textOf(args[1]).split('\n').slice(0, -1) });
    else if (UNMODELLED.includes(name)) this.#refuse(name, args, line);
    else if (/^(open|creat)/.test(name)) this.#open(args, returned);
    else if (/^(rename|link|unlink|mkdir|truncate)/.test(name)) this.#named(name, args);
    else this.#described(name, args, returned);
  }

  #open(args: string[], descriptor: number): void {
    const path = this.#path(args);
    const flags = args.find((arg) => arg.startsWith('O_')) ?? 'O_CREAT|O_TRUNC';
    this.#offsets.set(descriptor, 0);
    if (path === undefined) return;
    if (/O_APPEND|O_TMPFILE/.test(flags)) throw new Error(`not modelled: ${flags}`);
    if (flags.includes('O_CREAT') && !this.#known.has(path)) {
      this.#known.add(path);
      this.steps.push({ kind: 'file', path });
    } else if (flags.includes('O_TRUNC')) this.steps.push({ kind: 'resize', path, bytes: 0 });
  }

  #named(name: string, args: string[]): void {
    const [path, to] = args.filter((arg) => arg.startsWith('"')).map((arg) => this.#below(textOf(arg)));
    if (path === undefined && to === undefined) return;
    if (path === undefined || (/^(rename|link)/.test(name) && to === undefined)) throw new Error(`not modelled: ${name} across the folder`);
    if (name.startsWith('mkdir')) this.#add({ kind: 'folder', path });
    else if (name.startsWith('truncate')) this.steps.push({ kind: 'resize', path, bytes: Number(args[1]) });
    else if (to !== undefined) {
      const kind = name.startsWith('link') ? 'link' : 'rename';
      if (kind === 'rename') this.#known.delete(path);
      this.#known.add(to);
      this.steps.push({ kind, path, to });
    } else {
      this.#known.delete(path);
      this.steps.push({ kind: 'remove', path });
    }
  }

  #described(name: string, args: string[], returned: number): void {
    const [, number = '', hex = ''] = DESCRIPTOR.exec(args[0] ?? '') ?? [];
    const descriptor = Number(number);
    const path = this.#below(textOf(hex));
    const offset = this.#offsets.get(descriptor) ?? 0;
    if (name === 'lseek') this.#offsets.set(descriptor, returned);
    if (name === 'read' || name === 'write') this.#offsets.set(descriptor, offset + returned);
    if (name === 'close') this.#offsets.delete(descriptor);
    if (path === undefined) return;
    if (name === 'write') this.#write(path, offset, args[1], returned);
    else if (name === 'pwrite64') this.#write(path, Number(args[3]), args[1], returned);
    else if (name === 'ftruncate') this.steps.push({ kind: 'resize', path, bytes: Number(args[1]) });
    else if (name === 'fsync' || name === 'fdatasync') this.steps.push({ kind: 'sync', path });
  }

  #write(path: string, at: number, traced: string | undefined, written: number): void {
    const data = bytesOf(traced).subarray(0, written);
    if (data.length !== written) throw new Error(`a write to ${path} was recorded in part`);
    this.steps.push({ kind: 'write', path, at, data });
  }

  /** A mapping that cannot be written through, and calls on other files, change nothing here. */
  #refuse(name: string, args: string[], line: string): void {
    if (name === 'mmap' && !/PROT_WRITE.*MAP_SHARED/.test(line)) return;
    for (const arg of args) {
      const path = this.#below(textOf(DESCRIPTOR.exec(arg)?.[2] ?? (arg.startsWith('"') ? arg : '')));
      if (path !== undefined) throw new Error(`not modelled: ${name} of ${path}`);
    }
  }

  #add(step: { kind: 'folder'; path: string }): void {
    this.#known.add(step.path);
    this.steps.push(step);
  }

  #path(args: string[]): string | undefined {
    const path = textOf(args.find((arg) => arg.startsWith('"')));
    return this.#below(path);
  }

  #below(path: string): string | undefined {
    if (path !== this.#root && !path.startsWith(`${this.#root}/`)) return undefined;
    if (!isAbsolute(path)) throw new Error(`not an absolute path: ${path}`);
    const below = path.slice(this.#root.length + 1);
    return this.#ignored.test(below) ? undefined : below;
  }
}

function bytesOf(traced = ''): Buffer {
  const end = traced.startsWith('"') ? traced.indexOf('"', 1) : traced.length;
  return Buffer.from(traced.slice(traced.startsWith('"') ? 1 : 0, end).replaceAll('\\x', ''), 'hex');
}

function textOf(traced = ''): string {
  return bytesOf(traced).toString('utf8');
}
