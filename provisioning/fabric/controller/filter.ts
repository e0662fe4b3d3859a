// The filter language of OpenZiti's lists (openziti-network.md §1.6), without sub-queries:
//
//   query      = [ condition ] [ "sort" "by" key { "," key } ] [ "skip" integer ] [ "limit" ( integer | "none" ) ]
//   key        = symbol [ "asc" | "desc" ]
//   condition  = term { "or" term }
//   term       = factor { "and" factor }
//   factor     = "not" factor | "(" condition ")" | "true" | "false" | "isEmpty" "(" symbol ")" | operand [ comparison ]
//   operand    = symbol | ( "anyOf" | "allOf" ) "(" symbol ")" | "count" "(" symbol ")"
//   comparison = ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) literal | [ "not" ] ( "contains" | "icontains" ) literal
//              | [ "not" ] "in" "[" literal { "," literal } "]" | [ "not" ] "between" literal "and" literal
//   literal    = string | number | "true" | "false" | "null" | "datetime" "(" RFC 3339 instant ")"
//
// Keywords are written in any case; an operand alone stands for "= true".

/** What a literal stands for; an instant is a Date. */
export type Literal = string | number | boolean | Date | null;

export type Comparator = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'contains' | 'icontains';

export interface Operand {
  symbol: string;
  /** Over the elements of a set; undefined compares the value itself, or their number. */
  over: 'anyOf' | 'allOf' | 'count' | undefined;
}

export type Condition =
  | { kind: 'constant'; value: boolean }
  | { kind: 'not'; of: Condition }
  | { kind: 'and' | 'or'; all: readonly Condition[] }
  | { kind: 'isEmpty'; symbol: string }
  | { kind: 'compare'; operand: Operand; comparator: Comparator; to: Literal }
  | { kind: 'in'; operand: Operand; among: readonly Literal[] }
  | { kind: 'between'; operand: Operand; low: Literal; high: Literal };

export interface SortKey {
  symbol: string;
  descending: boolean;
}

export interface Query {
  condition: Condition;
  sort: readonly SortKey[];
  skip: number | undefined;
  /** -1 is none. */
  limit: number | undefined;
}

/** Longest text that is read, in characters, and how deep conditions may lie in each other. */
export const FILTER_LIMITS = { characters: 16_384, depth: 64 } as const;

interface Token {
  kind: 'word' | 'string' | 'number' | 'instant' | 'sign' | 'end';
  text: string;
  column: number;
}

/** Instants first: they begin as numbers do. */
const TOKEN =
  /\s*(?:(?<instant>\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d))|(?<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?)|(?<word>[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+|\[[A-Za-z0-9_-]+\])*)|"(?<string>(?:[^"\\]|\\.)*)"|(?<sign><=|>=|!=|[=<>()[\],]))/suy;

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f' };

/** The text as a query, or what is wrong with it, in the words of the real one. */
export function parseFilter(text: string): Query | { fault: string } {
  if (text.length > FILTER_LIMITS.characters) return { fault: 'the filter is too long' };
  try {
    return new Parser(tokensOf(text)).query();
  } catch (thrown) {
    if (thrown instanceof Unexpected) return { fault: thrown.message };
    throw thrown;
  }
}

/** Only sort keys, as the `sort` of a list has them. */
export function parseSort(text: string): readonly SortKey[] | { fault: string } {
  const query = parseFilter(`sort by ${text}`);
  if ('fault' in query) return query;
  return query.skip === undefined && query.limit === undefined ? query.sort : { fault: `Unexpected symbol in sort: ${text.slice(0, 100)}` };
}

/** Thrown and caught in this file alone. */
class Unexpected extends SyntaxError {}

function unexpected(symbol: string, column: number): Unexpected {
  return new Unexpected(`Unexpected symbol: "${symbol}" at line: 1 column: ${column}. line: 1, column: ${column}, symbol: ${symbol}`);
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (/\S/u.test(text.slice(at))) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    const column = at + (/^\s*/u.exec(text.slice(at))?.[0].length ?? 0);
    if (!match?.groups) throw unexpected(text.slice(column, column + 1), column);
    const [kind, value] = Object.entries(match.groups).find(([, part]) => part !== undefined) ?? ['sign', ''];
    tokens.push({ kind: kind as Token['kind'], text: value ?? '', column });
    at = TOKEN.lastIndex;
  }
  return [...tokens, { kind: 'end', text: '<EOF>', column: text.length }];
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  query(): Query {
    const bare = this.#next.kind === 'end' || ['sort', 'skip', 'limit'].includes(this.#keyword);
    const condition: Condition = bare ? { kind: 'constant', value: true } : this.#condition();
    const sort = this.#sortKeys();
    const skip = this.#taken('skip') ? this.#integer() : undefined;
    const limit = this.#taken('limit') ? (this.#taken('none') ? -1 : this.#integer()) : undefined;
    if (this.#next.kind !== 'end') throw this.#surprise();
    return { condition, sort, skip, limit };
  }

  get #next(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end', text: '<EOF>', column: 0 };
  }

  /** The next token as a keyword, lower-case; empty when it is none. */
  get #keyword(): string {
    return this.#next.kind === 'word' ? this.#next.text.toLowerCase() : '';
  }

  #surprise(): Unexpected {
    return unexpected(this.#next.text.slice(0, 100), this.#next.column);
  }

  #taken(keyword: string): boolean {
    if (this.#keyword !== keyword) return false;
    this.#at += 1;
    return true;
  }

  #sign(text: string): boolean {
    if (this.#next.kind !== 'sign' || this.#next.text !== text) return false;
    this.#at += 1;
    return true;
  }

  #expectSign(text: string): void {
    if (!this.#sign(text)) throw this.#surprise();
  }

  #take(kind: Token['kind']): string {
    if (this.#next.kind !== kind) throw this.#surprise();
    this.#at += 1;
    return this.#tokens[this.#at - 1]?.text ?? '';
  }

  #condition(): Condition {
    this.#depth += 1;
    if (this.#depth > FILTER_LIMITS.depth) throw this.#surprise();
    const all = [this.#term()];
    while (this.#taken('or')) all.push(this.#term());
    this.#depth -= 1;
    return only(all) ?? { kind: 'or', all };
  }

  #term(): Condition {
    const all = [this.#factor()];
    while (this.#taken('and')) all.push(this.#factor());
    return only(all) ?? { kind: 'and', all };
  }

  #factor(): Condition {
    if (this.#taken('not')) {
      this.#depth += 1;
      if (this.#depth > FILTER_LIMITS.depth) throw this.#surprise();
      const of = this.#factor();
      this.#depth -= 1;
      return { kind: 'not', of };
    }
    if (this.#sign('(')) {
      const inner = this.#condition();
      this.#expectSign(')');
      return inner;
    }
    for (const value of [true, false]) if (this.#taken(String(value))) return { kind: 'constant', value };
    if (this.#keyword === 'isempty') {
      this.#at += 1;
      return { kind: 'isEmpty', symbol: this.#parenthesized() };
    }
    return this.#comparison(this.#operand());
  }

  #operand(): Operand {
    const functions = { anyof: 'anyOf', allof: 'allOf', count: 'count' } as const;
    const over = Object.hasOwn(functions, this.#keyword) ? functions[this.#keyword as keyof typeof functions] : undefined;
    if (over === undefined) return { symbol: this.#take('word'), over };
    this.#at += 1;
    return { symbol: this.#parenthesized(), over };
  }

  #parenthesized(): string {
    this.#expectSign('(');
    const symbol = this.#take('word');
    this.#expectSign(')');
    return symbol;
  }

  #comparison(operand: Operand): Condition {
    for (const comparator of ['=', '!=', '<', '<=', '>', '>='] as const)
      if (this.#sign(comparator)) return { kind: 'compare', operand, comparator, to: this.#literal() };
    const negated = this.#taken('not');
    const condition = this.#worded(operand);
    if (!condition && negated) throw this.#surprise();
    if (!condition) return { kind: 'compare', operand, comparator: '=', to: true };
    return negated ? { kind: 'not', of: condition } : condition;
  }

  #worded(operand: Operand): Condition | undefined {
    for (const comparator of ['contains', 'icontains'] as const)
      if (this.#taken(comparator)) return { kind: 'compare', operand, comparator, to: this.#literal() };
    if (this.#taken('in')) {
      this.#expectSign('[');
      const among = [this.#literal()];
      while (this.#sign(',')) among.push(this.#literal());
      this.#expectSign(']');
      return { kind: 'in', operand, among };
    }
    if (!this.#taken('between')) return undefined;
    const low = this.#literal();
    if (!this.#taken('and')) throw this.#surprise();
    return { kind: 'between', operand, low, high: this.#literal() };
  }

  #literal(): Literal {
    if (this.#next.kind === 'string') return this.#take('string').replace(/\\(.)/gsu, (_, escaped: string) => ESCAPES[escaped] ?? escaped);
    if (this.#next.kind === 'number') return Number(this.#take('number'));
    for (const value of [true, false]) if (this.#taken(String(value))) return value;
    if (this.#taken('null')) return null;
    if (!this.#taken('datetime')) throw this.#surprise();
    this.#expectSign('(');
    const at = this.#next;
    const instant = new Date(this.#take('instant').toUpperCase());
    if (Number.isNaN(instant.getTime())) throw unexpected(at.text, at.column);
    this.#expectSign(')');
    return instant;
  }

  #sortKeys(): SortKey[] {
    if (!this.#taken('sort')) return [];
    if (!this.#taken('by')) throw this.#surprise();
    const keys = [this.#sortKey()];
    while (this.#sign(',')) keys.push(this.#sortKey());
    return keys;
  }

  #sortKey(): SortKey {
    const symbol = this.#take('word');
    const descending = this.#taken('desc');
    if (!descending) this.#taken('asc');
    return { symbol, descending };
  }

  #integer(): number {
    const { text, column } = this.#next;
    const value = Number(this.#take('number'));
    if (!Number.isSafeInteger(value)) throw unexpected(text, column);
    return value;
  }
}

function only(all: readonly Condition[]): Condition | undefined {
  return all.length === 1 ? all[0] : undefined;
}
