import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openController } from '../../shared/overlay/ziti/controller/controller.ts';
import { csrOf, type Enrolled, FabricSite, newKeys, privatePem } from '../provisioning/fabric/site.ts';
import { verifies } from '../requirements.ts';
import { type ScriptedController, scriptedController } from '../support/ziti/controller-script.ts';

const BASE = '/edge/client/v1';

interface Exchange {
  method: string;
  url: string;
  reqHeaders: Record<string, string>;
  reqBody: string | null;
  status: number;
  respBody: { data?: Record<string, unknown>; error?: Record<string, unknown> };
}

/** What a real controller 2.0.3 was asked and answered when the certificates of two identities were renewed, by session kind. */
function recorded(kind: 'certificate' | 'oidc'): Exchange[] {
  const path = join(import.meta.dirname, '../../../shared/data/overlay-transcripts/rest-cert-extend.jsonl');
  const all = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Exchange);
  const oidc = all.findIndex(({ url }) => url.startsWith('/oidc/'));
  return kind === 'certificate' ? all.slice(0, oidc) : all.slice(oidc);
}

const isRenewal = ({ url }: Exchange): boolean => /\/authenticators\/[^/]+\/extend/.test(url);

/** The keys of an answer; what stands there is another network's. */
function formOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 || typeof value[0] === 'string' ? ['list'] : [formOf(value[0])];
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, item]): [string, unknown] => [key, formOf(item)])
      .sort(([a], [b]) => a.localeCompare(b)),
  );
}

test('rest-cert-extend at the embedded controller: the same statuses, codes, texts and forms, the same certificates good at the same time', async () => {
  verifies('FABRIC-EXTEND');
  await using site = await FabricSite.start();
  const old = await site.enrol('ext-legacy', ['gateways']);
  // Whose certificate a sign-in was made with is not in the recording, what came of it is: before the extension, between, and behind it.
  const pairs: Enrolled[] = [];
  const signIns: (() => Enrolled | undefined)[] = [() => old, () => old, () => pairs[0], () => old, () => pairs[0], () => pairs[1]];
  const ours = new Map<string, string>();
  const translated = (text: string): string => [...ours].reduce((result, [from, to]) => result.replaceAll(from, to), text);
  let compared = 0;

  for (const exchange of recorded('certificate')) {
    const { method, url, reqHeaders, reqBody, status, respBody } = exchange;
    const isSignIn = url.includes('/authenticate?');
    if (!isSignIn && !/current-identity|current-api-session/.test(url)) continue;
    // Nor which one a call showed: an extension takes the one that signs in then.
    const pair = isSignIn ? signIns.shift()?.() : isRenewal(exchange) ? old : undefined;
    let body = reqBody === null ? undefined : translated(reqBody);
    const asksFor = url.endsWith('/extend') && (body?.includes('BEGIN CERTIFICATE REQUEST') ?? false);
    const keys = asksFor ? await newKeys() : undefined;
    if (keys) body = JSON.stringify({ clientCertCsr: await csrOf(keys, 'renewed') });
    const reply = await site.call(method, translated(url).replace(BASE, ''), {
      headers: Object.fromEntries(Object.entries(reqHeaders).map(([name, value]) => [name, translated(value)])),
      ...(body !== undefined && { body }),
      ...(pair && { certificate: { key: pair.key, cert: pair.cert } }),
    });
    const what = `${method} ${url}`;
    assert.equal(reply.status, status, `${what}: ${reply.text}`);
    assert.deepEqual(formOf(reply.json), formOf(respBody), what);
    if (respBody.error) assert.deepEqual({ ...reply.json.error, requestId: '' }, { ...respBody.error, requestId: '' }, what);
    for (const field of ['token', 'authenticatorId'] as const) {
      const theirs = respBody.data?.[field];
      if (typeof theirs === 'string') ours.set(theirs, reply.json.data[field]);
    }
    const given = respBody.data?.clientCert;
    if (keys && typeof given === 'string') {
      pairs.push({ id: old.id, key: privatePem(keys), cert: reply.json.data.clientCert });
      // In the body of a later request it stands with its line ends escaped, and with one more behind it.
      ours.set(JSON.stringify(given).slice(1, -1), JSON.stringify(reply.json.data.clientCert).slice(1, -1));
    }
    compared += 1;
  }
  assert.ok(compared >= 18);
  assert.deepEqual([signIns.length, pairs.length], [0, 2]);
});

/** Answers as recorded: each kind of request with the next answer that the real one gave. */
async function replaying(exchanges: readonly Exchange[]): Promise<{ script: ScriptedController; sent: [unknown, Exchange][] }> {
  const script = await scriptedController();
  const left = [...exchanges];
  const sent: [unknown, Exchange][] = [];
  script.on(({ method, path, body }) => {
    const index = left.findIndex((exchange) => exchange.method === method && exchange.url === BASE + path);
    const [exchange] = index < 0 ? [] : left.splice(index, 1);
    if (!exchange) return undefined;
    sent.push([body, exchange]);
    return { status: exchange.status, body: exchange.respBody };
  });
  return { script, sent };
}

for (const kind of ['certificate', 'oidc'] as const)
  test(`rest-cert-extend at our client (${kind}): it asks as was asked then, and reads every answer`, async () => {
    verifies('RENEWAL-CHECKED');
    const exchanges = recorded(kind);
    const asked = exchanges.filter((exchange) => isRenewal(exchange) && !exchange.url.includes('/nosuch/'));
    const session = exchanges.find(({ url, status }) => url.endsWith('/current-api-session') && status === 200);
    assert.ok(session);
    const { script, sent } = await replaying([session, ...asked]);
    await using _script = script;
    await using controller = openController({ identity: await script.identity(), limits: { signOutTimeoutMs: 50 } });
    const { id, extendable } = await controller.authenticator();
    assert.equal(`${BASE}/current-identity/authenticators/${id}/extend`, asked[0]?.url);
    assert.equal(extendable, true);

    const outcomes: unknown[] = [];
    for (const { url, reqBody } of asked) {
      const { clientCertCsr = '', clientCert = '' } = JSON.parse(reqBody ?? '{}') as { clientCertCsr?: string; clientCert?: string };
      const doing = url.endsWith('/extend') ? controller.extend(id, clientCertCsr) : controller.verifyExtension(id, clientCert);
      outcomes.push(
        await doing.then(
          (outcome) => (typeof outcome === 'string' ? outcome : new X509Certificate(outcome.certPem).subject),
          ({ code, detail }) => `${code} ${detail}`,
        ),
      );
    }
    assert.deepEqual(outcomes, [
      'RENEW-REFUSED COULD_NOT_VALIDATE',
      'RENEW-REFUSED COULD_NOT_PROCESS_CSR',
      'CN=renewed',
      'CN=renewed-2nd',
      'unknown',
      'unknown',
      'done',
      'already',
    ]);
    for (const [body, { reqBody }] of sent.slice(2))
      assert.deepEqual(Object.keys(body as object), Object.keys(JSON.parse(reqBody ?? '{}')));
  });
