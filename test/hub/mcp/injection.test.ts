import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { UNTRUSTED_DEVICE } from '../../../hub/mcp/surface/plain-observation.ts';
import { PROMPTS } from '../../../hub/mcp/surface/prompts.ts';
import { rowOf } from '../../../hub/mcp/surface/resources.ts';
import { TOOLS } from '../../../hub/mcp/surface/tools.ts';
import { KINDS } from '../../../hub/mcp/uris.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import { CONTROL_CHARACTERS } from '../../../shared/observation-code.ts';
import { verifies } from '../../requirements.ts';
import type { TestClient } from '../../support/mcp-clients.ts';
import { type Askable, everyCompletion, everyToolCall, everyUri } from './every-surface.ts';
import { INJECTIONS, tokensIn } from './injection-corpus.ts';
import { type InjectionSite, injectionSite } from './injection-site.ts';
import { WAYS } from './support.ts';

let site: InjectionSite;
before(async () => {
  site = await injectionSite();
});
after(() => site[Symbol.asyncDispose]());

/** Controls, and what turns, hides or joins other text without being seen itself; line ends are what our own words have. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** What was written by somebody else, by where it stands in an answer: in fields named untrusted, or elsewhere. */
class Found {
  readonly marked = new Set<string>();
  readonly elsewhere: string[] = [];

  /** Takes an answer apart, JSON that stands in it as text too. */
  look(value: unknown, at: string, isMarked = false): void {
    if (typeof value === 'string') this.#text(value, at, isMarked);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      this.#text(key, `${at} (name of a field)`, isMarked);
      // In a resource of FHIR an extension says what stands in it.
      const isSaid = key === 'untrusted' || ('url' in value && value.url === UNTRUSTED_DEVICE && key === 'valueString');
      this.look(inner, Array.isArray(value) ? at : `${at}.${key}`, isMarked || isSaid);
    }
  }

  #text(text: string, at: string, isMarked: boolean): void {
    const inner = parsed(text);
    if (inner !== undefined) {
      this.look(inner, at, isMarked);
      return;
    }
    if (HIDDEN.test(text.replaceAll('\n', ''))) this.elsewhere.push(`${at}: hidden characters in ${JSON.stringify(text.slice(0, 200))}`);
    for (const token of tokensIn(text)) {
      if (isMarked) this.marked.add(token);
      else this.elsewhere.push(`${at}: ${JSON.stringify(text.slice(0, 200))}`);
    }
  }
}

function parsed(text: string): object | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What was answered, or what was thrown. */
async function said(asked: Promise<unknown>): Promise<{ answer?: unknown; error?: unknown }> {
  return await asked.then(
    (answer) => ({ answer }),
    (thrown: Error & { code?: unknown; data?: unknown }) => ({ error: { message: thrown.message, code: thrown.code, data: thrown.data } }),
  );
}

test('the corpus has what it must have, and the most of it gets into the store', () => {
  assert.ok(INJECTIONS.length >= 60, String(INJECTIONS.length));
  assert.equal(new Set(INJECTIONS.map(({ text }) => text)).size, INJECTIONS.length);
  for (const { token, text } of INJECTIONS) assert.deepEqual(tokensIn(text), [token]);
  // Control characters are taken from nobody.
  const taken = INJECTIONS.filter(({ text }) => !CONTROL_CHARACTERS.test(text.slice(0, 64)));
  assert.deepEqual(
    taken.filter(({ token }) => !site.stored.has(token)),
    [],
  );
  assert.ok(taken.length >= 50, String(taken.length));
});

for (const [way, { revision, connect, service }] of WAYS.entries()) {
  const client = (identity: string): Promise<TestClient> => connect(site.as(identity), service);
  /** Of each of the many ids one way asks; every kind of question is asked by all. */
  const some = (ids: readonly string[]): string[] => ids.filter((_, i) => i % WAYS.length === way);
  const share = (): Askable => {
    const { patients, devices, observations } = site.askable;
    return { ...site.askable, patients: some(patients), devices: some(devices), observations: some(observations) };
  };
  /** What was stored of the patients of this way. */
  const stored = (): string[] => some(INJECTIONS.map(({ token }) => token)).filter((token) => site.stored.has(token));

  test(`${revision}: what others wrote stands in no tool's answer but in fields named untrusted, and free text where it was asked for`, async () => {
    verifies('MCP-UNTRUSTED');
    await using asked = await client('ai-nurse');
    const [found, answered] = [new Found(), new Set<string>()];
    const texts = new Set<string>();
    for (const [name, args] of everyToolCall(share())) {
      const { answer, error } = await said(asked.call(name, args));
      const result = answer as { isError?: boolean } | undefined;
      if (result !== undefined && result.isError !== true) answered.add(name);
      // Whatever the caller itself wrote is in no answer either.
      found.look(result ?? error, `${name} ${JSON.stringify(args).slice(0, 60)}`);
      if (name === 'get_alerts' && args.include_free_text !== true)
        for (const text of ['text', 'instance', 'code'])
          assert.doesNotMatch(JSON.stringify(answer), new RegExp(`"untrusted":\\{[^}]*"${text}"`));
      if (name === 'get_alerts' && args.include_free_text === true) for (const token of tokensIn(JSON.stringify(answer))) texts.add(token);
    }
    assert.deepEqual(found.elsewhere, []);
    assert.deepEqual(
      TOOLS.map(({ name }) => name).filter((name) => !answered.has(name)),
      [],
      'not answered at all',
    );
    // A test that finds nothing anywhere would prove nothing.
    for (const all of [found.marked, texts])
      assert.deepEqual(
        stored().filter((token) => !all.has(token)),
        [],
        'nowhere at all',
      );
  });

  test(`${revision}: nor in any resource, list, completion, prompt or notification`, async () => {
    verifies('MCP-UNTRUSTED', 'MCP-PROMPTS');
    const found = new Found();
    const read = new Set<string>();
    const askable = share();
    await using technician = await client('ai-technician');
    await using asked = await client('ai-nurse');
    for (const kind of KINDS)
      for (const uri of everyUri(kind, askable)) {
        const { answer, error } = await said((rowOf(kind).action === 'status.read' ? technician : asked).read(uri));
        if (answer !== undefined) read.add(kind);
        found.look(answer ?? error, kind);
      }
    assert.deepEqual(
      KINDS.filter((kind) => !read.has(kind)),
      [],
      'not read at all',
    );
    for (const list of [asked.resources(), asked.templates(), asked.tools(), asked.prompts()]) found.look(await list, 'a list');
    for (const { uri, name } of everyCompletion())
      for (const typed of ['', 'zq']) found.look(await asked.completeVariable(uri, name, typed), uri);
    for (const { name, arguments: args } of PROMPTS) {
      const values: Record<string, string> = {};
      for (const [argument] of Object.entries(args)) {
        const offered = await asked.completeArgument(name, argument, '');
        found.look(offered, `${name} ${argument}`);
        values[argument] = offered[0] ?? assert.fail(`${name} has nothing for ${argument}`);
      }
      found.look(await asked.prompt(name, values), name);
      for (const { text } of INJECTIONS.slice(0, 8))
        for (const argument of Object.keys(args)) {
          const { answer, error } = await said(asked.prompt(name, { ...values, [argument]: text.slice(0, 256) }));
          assert.equal(answer, undefined, `${name} took ${text}`);
          found.look(error, name);
        }
    }
    const uris = askable.patients.flatMap((patient) => [`vitals://patient/${patient}/latest`, `vitals://patient/${patient}/alerts`]);
    const updates = await asked.subscribe(['vitals://patients', 'vitals://ward/icu/latest', ...uris]);
    for (const uri of uris) await updates.count(uri, 1);
    found.look(updates.seen, 'a notification');
    assert.deepEqual(found.elsewhere, []);
    assert.deepEqual(
      stored().filter((token) => !found.marked.has(token)),
      [],
      'nowhere at all',
    );
  });
}

test('no ward, panel, tenant or patient is called so: such a name is refused where it would be given', () => {
  verifies('MCP-UNTRUSTED');
  for (const { text } of INJECTIONS) {
    const name = JSON.stringify(text);
    for (const part of ['wards', 'panels'])
      assert.throws(() => parseRegistry(`${part}: { ${name}: { tenant: clinic, ${part === 'wards' ? 'beds' : 'patients'}: [] } }`), {
        code: 'REGISTRY-INVALID',
      });
    assert.throws(() => parseRegistry(`gateways: [{ identity: gw, tenant: clinic, patient: ${name} }]`), { code: 'REGISTRY-INVALID' });
    if (HIDDEN.test(text))
      assert.throws(() => parseRegistry(`gateways: [{ identity: gw, tenant: clinic, beds: { ${name}: null } }]`), {
        code: 'REGISTRY-INVALID',
      });
  }
});
