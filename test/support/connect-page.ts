import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The page itself. */
export const PAGE = join(import.meta.dirname, '..', '..', 'docs', 'connect.md');
const CHECKOUT = join(import.meta.dirname, '..', '..');

/** What the page `docs/connect.md` takes for granted, and what stands there in a test. */
export interface Here {
  /** Instead of /home/me/.vitalmesh. */
  home: string;
  /** Instead of 8808. */
  port: number;
}

/** An entry of a host's configuration: what it starts, or what it calls. */
export interface HostEntry {
  file: 'mcpServers' | 'servers';
  type?: string;
  command?: string;
  args?: string[];
  url?: string;
  headers?: Record<string, string>;
}

/** The fenced blocks of the page in one language, in order, as they would be written on this machine. */
export function pageBlocks(language: string, { home, port }: Here): string[] {
  return [...readFileSync(PAGE, 'utf8').matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter(([, name]) => name === language)
    .map(([, , block = '']) =>
      block
        .replaceAll('/opt/vitalmesh', CHECKOUT)
        .replaceAll('/home/me/.vitalmesh', home)
        .replaceAll('127.0.0.1:8808', `127.0.0.1:${port}`),
    );
}

/** The lines of its shell blocks. */
export function pageCommands(here: Here): string[] {
  return pageBlocks('sh', here).flatMap((block) => block.trim().split('\n'));
}

/** The rows of the table whose heading begins so, cell by cell. */
export function pageTable(heading: string): string[][] {
  const page = readFileSync(PAGE, 'utf8');
  const from = page.indexOf(`| ${heading}`);
  if (from < 0) throw new Error(`no table ${heading}`);
  const [table = ''] = page.slice(from).split('\n\n');
  const cells = table
    .trim()
    .split('\n')
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  return cells.slice(2);
}

/** The one server of each configuration of a host; throws for a block that configures anything else. */
export function pageEntries(here: Here): HostEntry[] {
  return pageBlocks('json', here).map((block) => {
    const [file, ...more] = Object.keys(JSON.parse(block) as object);
    if ((file !== 'mcpServers' && file !== 'servers') || more.length > 0) throw new Error(`no host reads this: ${block}`);
    const { vitals, ...others } = (JSON.parse(block) as Record<string, Record<string, Omit<HostEntry, 'file'>>>)[file] ?? {};
    if (!vitals || Object.keys(others).length > 0) throw new Error(`one server a block: ${block}`);
    return { file, ...vitals };
  });
}
