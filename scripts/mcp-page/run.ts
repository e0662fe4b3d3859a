import { createHash } from 'node:crypto';
import { isPseudonym } from '../../hub/access/masking/pseudonyms.ts';
import { PROMPTS } from '../../hub/mcp/surface/prompts.ts';
import { TOOLS } from '../../hub/mcp/surface/tools.ts';
import { KINDS, type ResourceKind } from '../../hub/mcp/uris.ts';
import { latestSchema } from '../../hub/mcp/views.ts';
import { CALLS, PROMPTED, READS } from '../../test/hub/mcp/documented/examples.ts';
import { type DocumentedSite, documentedSite } from '../../test/hub/mcp/documented/site.ts';
import { WAYS } from '../../test/hub/mcp/support.ts';
import type { TestClient } from '../../test/support/mcp-clients.ts';

/** Who reads under another name, by how it is masked. */
const MASKED = { limited: 'ai-quality', deidentified: 'ai-study' } as const;
export type MaskedAs = keyof typeof MASKED;

/** What a masked reader gets of the same: the code of a refusal, or which fields of the example are not there. */
export type Masking = Readonly<Record<MaskedAs, { code: string } | { without: readonly string[] }>>;

/** One answer as the page shows it. */
export interface Told {
  /** What was asked, as the protocol has it. */
  asked: unknown;
  text?: string;
  data?: unknown;
  /** Resources that a prompt embeds, by size in tokens. */
  embedded?: readonly { uri: string; tokens: number }[];
  tokens: number;
  masking: Masking;
}

/** Of everything that is served, its example. */
export interface Run {
  resources: ReadonlyMap<ResourceKind, Told>;
  tools: ReadonlyMap<string, Told>;
  prompts: ReadonlyMap<string, Told>;
}

/** Four bytes a token, as limits count them. */
const BYTES_A_TOKEN = 4;

export function tokensOf(value: unknown): number {
  return Math.ceil(Buffer.byteLength(JSON.stringify(value)) / BYTES_A_TOKEN);
}

/** Asks the documented site for every example, as who may ask and as who is masked. Throws where something that is served has no example, or one fails. */
export async function runExamples(): Promise<Run> {
  await using site = await documentedSite();
  const asker = new Asker(site);
  const run = { resources: new Map<ResourceKind, Told>(), tools: new Map<string, Told>(), prompts: new Map<string, Told>() };
  for (const kind of KINDS) run.resources.set(kind, await asker.read(kind));
  for (const { name } of TOOLS) run.tools.set(name, await asker.call(name));
  for (const { name } of PROMPTS) run.prompts.set(name, await asker.prompt(name));
  return run;
}

class Asker {
  readonly #site: DocumentedSite;
  readonly #clients = new Map<string, Promise<TestClient>>();
  readonly #named = new Map<string, Promise<ReadonlyMap<string, string>>>();

  constructor(site: DocumentedSite) {
    this.#site = site;
  }

  async read(kind: ResourceKind): Promise<Told> {
    const { uri, as } = exampleOf(READS, kind);
    const data = await (await this.#as(as)).read(uri);
    const masking = await this.#masking([uri], data, async (client, [own = '']) => await client.read(own));
    return { asked: { method: 'resources/read', params: { uri } }, data, tokens: tokensOf(data), masking };
  }

  async call(name: string): Promise<Told> {
    const { args, as } = exampleOf(CALLS, name);
    const call = async (client: TestClient, [own = {}]: readonly object[]) => lasting(await client.call(name, { ...own }));
    const answer = await call(await this.#as(as), [args]);
    const masking = await this.#masking([args], answer.data, async (client, own) => (await call(client, own)).data);
    return { asked: { method: 'tools/call', params: { name, arguments: args } }, ...answer, masking };
  }

  async prompt(name: string): Promise<Told> {
    const { args, as } = exampleOf(PROMPTED, name);
    const client = await this.#as(as);
    const { messages } = await client.prompt(name, args);
    const text = messages.flatMap(({ content }) => (content.type === 'text' ? [content.text] : [])).join('\n');
    const embedded = messages.flatMap(({ content }) =>
      content.type === 'resource' && 'text' in content.resource
        ? [{ uri: content.resource.uri, tokens: tokensOf(content.resource.text) }]
        : [],
    );
    const masking = await this.#masking([args], {}, async (masked, [own = {}]) => {
      await masked.prompt(name, { ...own } as Record<string, string>);
      return {};
    });
    return { asked: { method: 'prompts/get', params: { name, arguments: args } }, text, embedded, tokens: tokensOf(messages), masking };
  }

  #as(identity = 'ai-monitor'): Promise<TestClient> {
    const [way] = WAYS.filter(({ revision }) => revision === '2026-07-28');
    if (!way) throw new RangeError('no such revision');
    const client = this.#clients.get(identity) ?? this.#site.client(way, identity);
    this.#clients.set(identity, client);
    return client;
  }

  /** The same, asked by who is masked, under the names that it has for patients, devices and observations. */
  async #masking<Of>(
    asked: readonly Of[],
    told: unknown,
    ask: (client: TestClient, own: readonly Of[]) => Promise<unknown>,
  ): Promise<Masking> {
    const each = Object.entries(MASKED).map(async ([profile, identity]) => {
      const client = await this.#as(identity);
      const names = await (this.#named.get(identity) ?? this.#names(client, identity));
      const own = JSON.parse([...names].reduce((text, [id, name]) => text.replaceAll(id, name), JSON.stringify(asked))) as Of[];
      try {
        const fields = fieldsOf(await ask(client, own));
        return [profile, { without: [...fieldsOf(told)].filter((field) => !fields.has(field)).sort() }];
      } catch (thrown) {
        return [profile, { code: codeOf(thrown) }];
      }
    });
    return Object.fromEntries(await Promise.all(each)) as Masking;
  }

  #names(client: TestClient, identity: string): Promise<ReadonlyMap<string, string>> {
    const named = this.#namesOf(client, identity);
    this.#named.set(identity, named);
    return named;
  }

  /** Under which names a masked reader knows what the examples name. */
  async #namesOf(client: TestClient, identity: string): Promise<ReadonlyMap<string, string>> {
    const { door, registry } = this.#site.hub;
    const principal = registry.principal(identity);
    if (!principal) throw new RangeError(identity);
    const { patients } = (await client.read('vitals://patients')) as { patients: { patient: string }[] };
    const names = new Map<string, string>();
    for (const { patient } of patients) {
      const id = door.patientBehind(principal, patient);
      if (id === undefined || !isPseudonym(patient)) continue;
      const own = latestSchema.parse(await client.read(`vitals://patient/${patient}/latest`));
      const real = latestSchema.parse(await (await this.#as()).read(`vitals://patient/${id}/latest`));
      for (const row of real.vitals) {
        const same = own.vitals.find(({ vital }) => vital === row.vital);
        if (row.device && same?.device) names.set(row.device, same.device);
        if (row.observation && same?.observation) names.set(row.observation, same.observation);
      }
      names.set(id, patient);
    }
    return names;
  }
}

/** The example of what is served under a name. Throws where there is none. */
export function exampleOf<Row>(rows: Readonly<Record<string, Row>>, name: string): Row {
  const row = Object.hasOwn(rows, name) ? rows[name] : undefined;
  if (row === undefined) throw new RangeError(`${name} has no example in test/hub/mcp/documented/examples.ts`);
  return row;
}

/** An answer without what is another at each run: what the hub draws, and how long it took. */
function lasting({
  content,
  structuredContent,
  isError,
  _meta,
}: Awaited<ReturnType<TestClient['call']>>): Pick<Told, 'text' | 'data' | 'tokens'> {
  if (isError) throw Object.assign(new Error('an example failed'), { data: { code: _meta?.['vitalmesh/code'], content } });
  const { since } = structuredContent as { since?: unknown };
  const drawn = typeof since === 'string' ? since : undefined;
  const steady = (value: unknown): string =>
    (drawn === undefined ? JSON.stringify(value) : JSON.stringify(value).replaceAll(drawn, stable(drawn.length)))
      .replace(/"waitedSeconds":[\d.]+/, '"waitedSeconds":1')
      .replace(/ in [\d.]+ s by as much/, ' in 1 s by as much');
  const [first] = content;
  const data: unknown = JSON.parse(steady(structuredContent));
  const text = first?.type === 'text' ? (JSON.parse(steady(first.text)) as string) : '';
  return { text, data, tokens: tokensOf({ content: JSON.parse(steady(content)) as unknown, structuredContent: data }) };
}

/** Of the same length as what is drawn. */
function stable(length: number): string {
  return createHash('sha256').update('documented').digest('base64url').slice(0, length);
}

/** Names of fields, wherever they stand. */
function fieldsOf(value: unknown, found: Set<string> = new Set()): Set<string> {
  if (Array.isArray(value)) for (const one of value) fieldsOf(one, found);
  else if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) {
      // What is null is shown to nobody.
      if (inner !== null) found.add(name);
      fieldsOf(inner, found);
    }
  }
  return found;
}

function codeOf(thrown: unknown): string {
  const { data } = thrown as { data?: { code?: unknown } };
  if (typeof data?.code !== 'string') throw thrown;
  return data.code;
}
