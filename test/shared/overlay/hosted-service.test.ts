import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { VitalmeshError } from '../../../shared/errors.ts';
import { silentLogger } from '../../../shared/log.ts';
import { HostedService } from '../../../shared/overlay/hosted-service.ts';
import { createMemoryNetwork } from '../../../shared/overlay/memory.ts';
import type { Overlay } from '../../../shared/overlay/overlay.ts';

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
  await service.start();
  assert.deepEqual(service.status(), { bound: false, code: 'OVERLAY-UNREACHABLE' });
  network.up();
  let stream = await dialer.dial('echo').catch(() => undefined);
  // The host tries again by itself; whoever dials meanwhile is told that nobody hosts.
  while (!stream)
    stream = await dialer.dial('echo').catch(() => new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined))));
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
  await assert.rejects(service.start(), { code: 'INTERNAL' });
  await service[Symbol.asyncDispose]();
  assert.equal(service.status().bound, false);
  await host[Symbol.asyncDispose]();
});
