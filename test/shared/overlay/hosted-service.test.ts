import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { type ErrorCode, VitalmeshError } from '../../../shared/errors.ts';
import { type Logger, silentLogger } from '../../../shared/log.ts';
import { HostedService } from '../../../shared/overlay/hosted-service.ts';
import { createMemoryNetwork } from '../../../shared/overlay/memory.ts';
import type { Binding, Overlay } from '../../../shared/overlay/overlay.ts';
import { verifies } from '../../requirements.ts';

test('a service is bound once the network is there, and given up at the end', async () => {
  const network = createMemoryNetwork();
  const host = network.overlay({ id: 'host', name: 'host' });
  const dialer = network.overlay({ id: 'dialer', name: 'dialer' });
  network.down();
  const service = new HostedService({
    overlay: host,
    service: 'echo',
    accept: (stream) => stream.pipe(stream).on('error', () => stream.destroy()),
    log: silentLogger,
  });
  await service.start(new AbortController().signal);
  assert.deepEqual(service.status(), { bound: false, code: 'OVERLAY-UNREACHABLE' });
  network.up();
  let stream = await dialer.dial('echo').catch(() => undefined);
  // The host tries again by itself; whoever dials meanwhile is told that nobody hosts.
  while (!stream) stream = await dialer.dial('echo').catch(() => setImmediate(undefined));
  // Disposing the overlays below cuts it, which is an error of the stream.
  stream.on('error', () => stream?.destroy());
  stream.end('hello');
  const [chunk] = (await once(stream, 'data')) as [Buffer];
  assert.equal(chunk.toString(), 'hello');
  assert.deepEqual(service.status(), { bound: true, code: null });
  await service[Symbol.asyncDispose]();
  await assert.rejects(dialer.dial('echo'), { code: 'OVERLAY-NO-TERMINATOR' });
  await host[Symbol.asyncDispose]();
  await dialer[Symbol.asyncDispose]();
});

test('what nobody but a person can mend is thrown', async () => {
  const network = createMemoryNetwork();
  const host = network.overlay({ id: 'host', name: 'host' });
  const broken = { bind: () => Promise.reject(new VitalmeshError('INTERNAL')) };
  const service = new HostedService({
    overlay: broken as unknown as Overlay,
    service: 'echo',
    accept: (stream) => stream.destroy(),
    log: silentLogger,
  });
  await assert.rejects(service.start(new AbortController().signal), { code: 'INTERNAL' });
  await service[Symbol.asyncDispose]();
  assert.equal(service.status().bound, false);
  await host[Symbol.asyncDispose]();
});

test('a network that keeps a binding waiting holds up neither a start that is given up nor an end', async () => {
  const network = createMemoryNetwork();
  const host = network.overlay({ id: 'host', name: 'host' });
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Binding>();
  const slow = {
    bind: (): Promise<Binding> => {
      asked.resolve();
      return answer.promise;
    },
  };
  const service = new HostedService({
    overlay: slow as unknown as Overlay,
    service: 'echo',
    accept: (stream) => stream.destroy(),
    log: silentLogger,
  });
  const stop = new AbortController();
  const starting = service.start(stop.signal);
  await asked.promise;
  stop.abort();
  await starting;
  assert.deepEqual(service.status(), { bound: false, code: null });
  await service[Symbol.asyncDispose]();
  // What comes too late is given back.
  const binding = await host.bind('echo', (stream) => stream.destroy());
  answer.resolve(binding);
  while (binding.failure !== 'OVERLAY-CLOSED') await setImmediate();
  await host[Symbol.asyncDispose]();
});

test('a service that a router has taken and nobody confirmed is not said to be bound', async () => {
  verifies('OVERLAY-UNCONFIRMED');
  let failure: ErrorCode | undefined = 'OVERLAY-UNCONFIRMED';
  const binding: Binding = {
    service: 'echo',
    get failure() {
      return failure;
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
  const told: string[] = [];
  await using service = new HostedService({
    overlay: { bind: async () => binding } as Partial<Overlay> as Overlay,
    service: 'echo',
    accept: (stream) => stream.destroy(),
    log: { ...silentLogger, info: (_: unknown, message?: string) => void told.push(String(message)) } as Logger,
  });
  await service.start(new AbortController().signal);
  assert.deepEqual([service.status(), told], [{ bound: false, code: 'OVERLAY-UNCONFIRMED' }, []]);
  failure = undefined;
  assert.deepEqual(service.status(), { bound: true, code: null });
});
