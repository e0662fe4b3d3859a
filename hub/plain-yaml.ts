import { isAlias, isNode, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { type ErrorCode, VitalmeshError } from '../shared/errors.ts';

/**
 * Refuses what YAML can say of who is who that is read otherwise than it looks: anchors and aliases (an alias as a key repeats one unseen), the key
 * `__proto__` (which an object loses), and with `quotedKeys` keys that are no text: the serial number 0123 is the number 123, another device.
 * Throws `code` with every place on a line of its own, without what stands there.
 */
export function refuseUnplain(text: string, { name, code, quotedKeys }: { name: string; code: ErrorCode; quotedKeys?: boolean }): void {
  const lines = new LineCounter();
  const problems: string[] = [];
  const complain = (node: unknown, says: string): void => {
    const { line } = lines.linePos((isNode(node) && node.range?.[0]) || 0);
    problems.push(`${name}:${line}: ${says}`);
  };
  visit(parseDocument(text, { lineCounter: lines, uniqueKeys: false }), {
    Node(_, node) {
      if (isAlias(node) || node.anchor !== undefined) complain(node, 'anchors and aliases are not taken here: write it out');
    },
    Pair(_, { key }) {
      if (isScalar(key) && key.value === '__proto__') complain(key, 'this key cannot be used: choose another name');
      else if (quotedKeys && isScalar(key) && typeof key.value !== 'string') complain(key, 'a key that is a number must stand in quotes');
    },
  });
  if (problems.length > 0) throw new VitalmeshError(code, { detail: problems.slice(0, 50).join('\n') });
}
