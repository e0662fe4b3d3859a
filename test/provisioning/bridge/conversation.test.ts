import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Conversation } from '../../../provisioning/bridge/conversation.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { verifies } from '../../requirements.ts';

interface Message {
  id?: string | number;
  method?: string;
  params?: { uri?: string };
  result?: object;
  error?: { data: { code: string } };
}

const URIS = ['vitals://a', 'vitals://b'];

/** What happens between a client and a hub, one thing after the other. */
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ what: fc.constantFrom('ask', 'subscribe', 'unsubscribe', 'listen'), uri: fc.constantFrom(...URIS) }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('give up'), at: fc.nat() }) },
  { weight: 5, arbitrary: fc.record({ what: fc.constantFrom('answer', 'refuse', 'confirm'), at: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('same id', 'open again'), at: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('cut') }) },
);

/** A client of 2025-11-25 that opens with `initialize`, and a hub, at the two ends of a conversation. */
class Ends {
  readonly conversation = new Conversation();
  /** What the hub has been asked on this connection and not answered. */
  atHub: Message[] = [];
  /** Of the client, with how many answers each has had. */
  readonly answers = new Map<string | number, number>();
  readonly asked = new Map<string | number, Message>();
  readonly givenUp = new Set<string | number>();
  /** Streams that the hub has confirmed on this connection, and how often the client has heard it of each. */
  confirmedAtHub = new Set<string | number>();
  readonly confirmed = new Map<string | number, number>();
  /** What the hub has agreed to on this connection, and what the client knows to be followed. */
  followedAtHub = new Set<string>();
  readonly followed = new Set<string>();
  #ids = 0;

  ask(method: string, uri?: string): void {
    this.#ids += 1;
    const message: Message = { id: this.#ids, method, ...(uri !== undefined && { params: { uri } }) };
    this.asked.set(this.#ids, message);
    this.answers.set(this.#ids, 0);
    this.conversation.fromClient(JSON.stringify({ jsonrpc: '2.0', ...message }));
    this.atHub.push(message);
  }

  /** The hub answers one of what it was asked. */
  answer(at: number, isGood: boolean): void {
    const open = this.atHub.filter(({ method }) => method !== 'subscriptions/listen');
    const message = open[at % Math.max(1, open.length)];
    if (!message) return;
    const isOpening = message.method === 'initialize';
    this.#answer(message, isOpening ? message.params?.uri === undefined : isGood);
  }

  #answer(message: Message, isGood: boolean): void {
    this.atHub = this.atHub.filter((one) => one !== message);
    const uri = message.params?.uri;
    if (isGood && uri !== undefined && message.method === 'resources/subscribe') this.followedAtHub.add(uri);
    if (isGood && uri !== undefined && message.method === 'resources/unsubscribe') this.followedAtHub.delete(uri);
    const answer = isGood ? { result: {} } : { error: { code: -32010, message: 'no', data: { code: 'NOT-FOUND' } } };
    this.#tellClient(this.conversation.fromHub(JSON.stringify({ jsonrpc: '2.0', id: message.id, ...answer })));
    this.atHub.push(...this.conversation.more().map((line) => JSON.parse(line) as Message));
  }

  /** The hub confirms a stream that it was asked for. */
  confirm(at: number): void {
    const open = this.atHub.filter(({ id, method }) => method === 'subscriptions/listen' && !this.confirmedAtHub.has(id ?? ''));
    const { id } = open[at % Math.max(1, open.length)] ?? {};
    if (id === undefined) return;
    this.confirmedAtHub.add(id);
    const params = { _meta: { 'io.modelcontextprotocol/subscriptionId': id } };
    const line = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params });
    if (this.conversation.fromHub(line) !== undefined) this.confirmed.set(id, (this.confirmed.get(id) ?? 0) + 1);
  }

  /** The client asks once more with an id of what it waits for, which never reaches the hub. */
  askWithSameId(at: number): void {
    const open = [...this.answers].filter(([id, count]) => count === 0 && !this.givenUp.has(id));
    const [id] = open[at % Math.max(1, open.length)] ?? [];
    if (id === undefined) return;
    for (const method of ['tools/list', 'initialize', 'subscriptions/listen']) {
      const refusal = this.conversation.fromClient(JSON.stringify({ jsonrpc: '2.0', id, method })) ?? assert.fail(`${id} was taken twice`);
      const { id: refused, error } = JSON.parse(refusal) as Message;
      assert.deepEqual([refused, error?.data.code], [id, 'MCP-ID']);
    }
  }

  giveUp(at: number): void {
    const open = [...this.answers].filter(([id, count]) => count === 0 && this.asked.get(id)?.method !== 'initialize');
    const [id] = open[at % Math.max(1, open.length)] ?? [];
    if (id === undefined) return;
    this.givenUp.add(id);
    this.conversation.fromClient(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } }));
    this.atHub = this.atHub.filter((message) => message.id !== id);
  }

  /** A second opening has a `uri` here, to be known by. */
  openAgain(): void {
    if (this.answers.get(1) === 1) this.ask('initialize', 'vitals://second');
  }

  /** The connection goes, and another one comes. */
  cut(): void {
    for (const line of this.conversation.lost()) this.#tellClient(line);
    this.followedAtHub = new Set();
    this.confirmedAtHub = new Set();
    this.atHub = this.conversation.again().map((line) => JSON.parse(line) as Message);
    const [first] = this.atHub;
    assert.deepEqual([first?.method, first?.params?.uri], ['initialize', undefined]);
    this.atHub = this.atHub.filter(({ id }) => id !== undefined);
  }

  /** The hub answers whatever it is still asked, well. */
  settle(): void {
    while (this.atHub.some(({ method }) => method !== 'subscriptions/listen')) this.answer(0, true);
    for (let left = this.atHub.length; left > 0; left -= 1) this.confirm(0);
  }

  #tellClient(line: string | undefined): void {
    if (line === undefined) return;
    const { id, method, params, result } = JSON.parse(line) as Message;
    if (method === 'notifications/resources/updated') this.followed.delete(params?.uri ?? '');
    if (id === undefined) return;
    const message = this.asked.get(id);
    assert.ok(message, `the client never asked ${id}`);
    this.answers.set(id, (this.answers.get(id) ?? 0) + 1);
    if (result && message.method === 'resources/subscribe') this.followed.add(message.params?.uri ?? '');
    if (result && message.method === 'resources/unsubscribe') this.followed.delete(message.params?.uri ?? '');
  }
}

const METHODS = {
  ask: 'tools/list',
  subscribe: 'resources/subscribe',
  unsubscribe: 'resources/unsubscribe',
  listen: 'subscriptions/listen',
};

test('whatever is asked, answered, refused, given up and cut: each question has one answer, and the hub follows what the client takes for followed', () => {
  verifies('MCP-BRIDGE');
  const property = fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
    const ends = new Ends();
    ends.ask('initialize');
    for (const one of steps) {
      if ('uri' in one) ends.ask(METHODS[one.what as keyof typeof METHODS], one.uri);
      else if (one.what === 'cut') ends.cut();
      else if (!('at' in one)) assert.fail();
      else if (one.what === 'give up') ends.giveUp(one.at);
      else if (one.what === 'confirm') ends.confirm(one.at);
      else if (one.what === 'same id') ends.askWithSameId(one.at);
      // A client that has opened and does it once more: the hub refuses that, and goes on with the first.
      else if (one.what === 'open again') ends.openAgain();
      else ends.answer(one.at, one.what === 'answer');
    }
    ends.cut();
    ends.settle();
    const listening = (id: string | number) => ends.asked.get(id)?.method === 'subscriptions/listen';
    for (const [id, count] of ends.answers) {
      if (ends.givenUp.has(id)) assert.ok(count <= 1);
      else assert.equal(count, listening(id) ? 0 : 1, `${id}: ${ends.asked.get(id)?.method}`);
    }
    assert.deepEqual([...ends.followedAtHub].sort(), [...ends.followed].sort());
    const open = [...ends.asked.keys()].filter((id) => listening(id) && !ends.givenUp.has(id));
    assert.deepEqual(ends.atHub.map(({ id }) => id).sort(), open.sort());
    for (const [id, count] of ends.confirmed) assert.equal(count, 1, `${id} was confirmed ${count} times`);
    for (const id of open) assert.equal(ends.confirmed.get(id), 1, `${id} was never confirmed`);
  });
  fc.assert(property, { numRuns: 500 });
});

test('what is over is answered with why: everything that waits, the opening too', () => {
  verifies('MCP-BRIDGE');
  const conversation = new Conversation();
  conversation.fromClient(JSON.stringify({ jsonrpc: '2.0', id: 'a', method: 'initialize' }));
  conversation.fromClient(JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'tools/list' }));
  assert.equal(conversation.unanswered, 2);
  const lines = conversation.lost(new VitalmeshError('OVERLAY-TIMEOUT')).map((line) => JSON.parse(line) as Message);
  assert.deepEqual(
    lines.map(({ id, error }) => [id, error?.data.code]),
    [
      ['a', 'OVERLAY-TIMEOUT'],
      [0, 'OVERLAY-TIMEOUT'],
    ],
  );
  assert.equal(conversation.unanswered, 0);
});

test('what is no message goes by, and costs nothing', () => {
  verifies('MCP-BRIDGE');
  const property = fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
    const conversation = new Conversation();
    conversation.fromClient(line);
    conversation.fromHub(line);
    conversation.lost();
    conversation.again();
    Conversation.unreached(line, new VitalmeshError('OVERLAY-CLOSED'));
  });
  fc.assert(property);
});

test('what was followed is asked for again sixteen at a time; what is refused until later is still followed, and the connection is not', () => {
  verifies('MCP-BRIDGE');
  const conversation = new Conversation();
  const followed = Array.from({ length: 40 }, (_, i) => `vitals://${i}`);
  const ask = (id: string | number, method: string, params?: object) =>
    conversation.fromClient(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
  const agree = (id: unknown) => conversation.fromHub(JSON.stringify({ jsonrpc: '2.0', id, result: {} }));
  ask('open', 'initialize');
  agree('open');
  for (const uri of followed) ask(uri, 'resources/subscribe', { uri });
  for (const uri of followed) agree(uri);
  conversation.lost();
  const asked: (string | undefined)[] = [];
  let open = conversation.again().map((line) => JSON.parse(line) as Message);
  for (let next = open.shift(); next; next = open.shift()) {
    assert.ok(open.length < 16);
    asked.push(next.params?.uri);
    agree(next.id);
    open = [...open, ...conversation.more().map((line) => JSON.parse(line) as Message)];
  }
  assert.deepEqual(asked, [undefined, ...followed]);

  conversation.lost();
  const [, second] = conversation.again().map((line) => JSON.parse(line) as Message);
  const error = { code: -32011, message: 'a limit', data: { code: 'MCP-LIMIT', retryable: true } };
  assert.equal(conversation.fromHub(JSON.stringify({ jsonrpc: '2.0', id: second?.id, error })), undefined);
  assert.equal(conversation.refused, 'MCP-LIMIT');
  conversation.lost();
  assert.equal(conversation.again().length, 16);
});

test('while the hub stays away whoever follows is sent to read it, and a stream that was never confirmed is refused, once', () => {
  verifies('MCP-BRIDGE');
  const conversation = new Conversation();
  const listen = (id: number, uri: string) => {
    const params = { notifications: { resourceSubscriptions: [uri, 1] } };
    conversation.fromClient(JSON.stringify({ jsonrpc: '2.0', id, method: 'subscriptions/listen', params }));
  };
  listen(1, 'vitals://a');
  const _meta = { 'io.modelcontextprotocol/subscriptionId': 1 };
  conversation.fromHub(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params: { _meta } }));
  listen(2, 'vitals://b');
  conversation.fromClient(JSON.stringify({ jsonrpc: '2.0', id: 3, method: 'resources/subscribe', params: { uri: 'vitals://c' } }));
  conversation.fromHub(JSON.stringify({ jsonrpc: '2.0', id: 3, result: {} }));
  conversation.lost();
  const told = () => conversation.silent(new VitalmeshError('OVERLAY-TIMEOUT')).map((line) => JSON.parse(line) as Message);
  const [refused, ...updated] = told();
  assert.deepEqual([refused?.id, refused?.error?.data.code], [2, 'OVERLAY-TIMEOUT']);
  assert.deepEqual(
    updated.map(({ method, params }) => [method, params]),
    [
      ['notifications/resources/updated', { uri: 'vitals://c' }],
      ['notifications/resources/updated', { uri: 'vitals://a', _meta }],
    ],
  );
  assert.deepEqual(told(), updated);
});
