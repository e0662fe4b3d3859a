import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

/**
 * Makes `dist/` for the published package: each TypeScript file with its types blanked out (Node strips none below
 * node_modules) and its imports pointing at `.js`, beside the data files it reads. `--remove` takes `dist/` away again.
 */
const root = join(import.meta.dirname, '..');
const { values } = parseArgs({ options: { remove: { type: 'boolean' }, into: { type: 'string', default: root } } });
const dist = join(values.into, 'dist');

rmSync(dist, { recursive: true, force: true });
if (!values.remove) {
  for (const file of globSync('{agent,hub,shared,provisioning}/**/*.{ts,yaml}', { cwd: root })) {
    const target = join(dist, file.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    if (file.endsWith('.yaml')) cpSync(join(root, file), target);
    else writeFileSync(target, withJsImports(stripTypeScriptTypes(readFileSync(join(root, file), 'utf8'))));
  }
}

function withJsImports(code: string): string {
  return code.replace(/((?:from|import)\s*\(?\s*['"])(\.[^'"]*)\.ts(['"])/g, '$1$2.js$3');
}
