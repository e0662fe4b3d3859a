import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SOURCE_METRICS, type Source } from '../../agent/sources/source.ts';
import { type TestEnvironment, testEnvironment } from '../agent/sources/support.ts';
import { verifies } from '../requirements.ts';

/** A device of the kind that a source reads; its messages are the texts of `decodeText`. */
export interface ContractDevice {
  /** Sends one message. */
  send(text: string): Promise<void> | void;
  /** Waits until so many messages in all were acknowledged as stored. */
  acknowledged(count: number): Promise<void>;
  /** How many were acknowledged as stored so far. */
  readonly acknowledgements: number;
  /** Waits until a message that could not be stored was refused in the way of this protocol. */
  refused(): Promise<void>;
}

export interface SourceUnderTest extends AsyncDisposable {
  source: Source;
  /** Brings the device to where the source reads it; after `loseLink` it is a new link. */
  connect(): Promise<ContractDevice>;
  /** Makes a link that was `away` from the beginning possible. */
  comeBack(): Promise<void>;
  /** Breaks the link, as an unplugged cable or a restarted broker does. */
  loseLink(): Promise<void>;
}

/** What every source does, whatever it reads. */
export function sourceContract(
  type: string,
  create: (environment: TestEnvironment, link: 'possible' | 'away') => Promise<SourceUnderTest>,
): void {
  const sourceTest = (
    title: string,
    body: (under: SourceUnderTest, environment: TestEnvironment) => Promise<void>,
    link: 'possible' | 'away' = 'possible',
  ): void => {
    test(title, async () => {
      const environment = testEnvironment();
      await using under = await create(environment, link);
      await body(under, environment);
    });
  };
  const start = ({ source }: SourceUnderTest): Promise<void> => source.start(new AbortController().signal);

  describe(`source contract: ${type}`, () => {
    sourceTest('tells what it is, before, while and after it runs', async (under, { intake }) => {
      const { source } = under;
      assert.equal(source.status().type, type);
      assert.equal(source.status().name, source.name);
      assert.equal(source.status().state, 'starting');
      assert.deepEqual([source.status().code, source.status().records, source.status().lastRecordAt], [null, 0, null]);
      await start(under);
      const device = await under.connect();
      await device.send('one');
      await device.acknowledged(1);
      assert.deepEqual(intake.stored, ['one']);
      assert.equal(source.status().state, 'running');
      assert.equal(source.status().records, 1);
      assert.equal(source.status().readings, 1);
      assert.notEqual(source.status().lastRecordAt, null);
      await source[Symbol.asyncDispose]();
      assert.equal(source.status().state, 'stopped');
    });

    sourceTest(
      'says by a code why it waits, and nothing of it once it runs',
      async (under, { trap }) => {
        verifies('STATUS-SOURCE-CODE');
        const { source } = under;
        await start(under);
        await trap.until('source is not running; it is tried again');
        assert.deepEqual([source.status().state, source.status().code], ['waiting', 'SOURCE-OPEN']);
        await under.comeBack();
        const device = await under.connect();
        await device.send('one');
        await device.acknowledged(1);
        assert.deepEqual([source.status().state, source.status().code], ['running', null]);
        await source[Symbol.asyncDispose]();
        assert.deepEqual([source.status().state, source.status().code], ['stopped', null]);
      },
      'away',
    );

    sourceTest('acknowledges only what is on disk', async (under, { intake }) => {
      verifies('ACK-AFTER-COMMIT');
      await start(under);
      const device = await under.connect();
      intake.hold();
      await device.send('one');
      await intake.until(({ offered }) => offered === 1);
      assert.equal(device.acknowledgements, 0);
      intake.release();
      await device.acknowledged(1);
    });

    sourceTest('refuses what cannot be stored, and goes on', async (under, { intake }) => {
      verifies('ACK-AFTER-COMMIT');
      await start(under);
      const device = await under.connect();
      intake.fail();
      await device.send('one');
      await device.refused();
      assert.equal(device.acknowledgements, 0);
      intake.release();
      await device.send('two');
      await intake.until(({ stored }) => stored.includes('two'));
    });

    sourceTest('counts what is bad, and keeps what is good around it', async (under, { intake, metrics }) => {
      verifies('NO-SILENT-DROP', 'GOOD-PARTS-SURVIVE');
      await start(under);
      const device = await under.connect();
      for (const text of ['good-1', 'bad-1', 'good-2', 'defect', 'good-3']) {
        await device.send(text);
        // One at a time, so that the defect takes only its own chunk with it.
        await intake.until(({ stored, rejections }) =>
          [...stored, ...rejections.map(({ raw }) => String(Buffer.from(raw ?? [])).trim())].includes(text),
        );
      }
      assert.deepEqual(intake.stored, ['good-1', 'good-2', 'good-3']);
      assert.deepEqual(
        intake.rejections.map(({ code }) => code),
        ['DECODE-FIELD', 'INTERNAL'],
      );
      await under.source[Symbol.asyncDispose]();
      assert.equal(under.source.status().rejected, 2);
      const { name } = under.source;
      assert.equal(metrics.get(SOURCE_METRICS.rejected, name), 2);
      assert.ok(metrics.get(SOURCE_METRICS.bytes, name) >= 'good-1bad-1good-2defectgood-3'.length);
      assert.equal(metrics.get(SOURCE_METRICS.records, name), 3);
      assert.equal(metrics.get(SOURCE_METRICS.readings, name), 3);
    });

    sourceTest('reads again after the link was lost', async (under, { intake }) => {
      await start(under);
      const first = await under.connect();
      await first.send('one');
      await first.acknowledged(1);
      await under.loseLink();
      const second = await under.connect();
      await second.send('two');
      await intake.until(({ stored }) => stored.includes('two'));
      assert.equal(under.source.status().state, 'running');
    });

    sourceTest('stops when the signal aborts, and what it took is on disk then', async (under, { intake }) => {
      const controller = new AbortController();
      await under.source.start(controller.signal);
      const device = await under.connect();
      intake.hold();
      await device.send('taken');
      await intake.until(({ offered }) => offered === 1);
      controller.abort();
      const stopped = under.source[Symbol.asyncDispose]();
      intake.release();
      await stopped;
      assert.deepEqual(intake.stored, ['taken']);
      assert.equal(under.source.status().state, 'stopped');
    });

    sourceTest('can be disposed twice, and before it was started', async (under) => {
      await under.source[Symbol.asyncDispose]();
      await under.source[Symbol.asyncDispose]();
      assert.equal(under.source.status().state, 'stopped');
    });

    sourceTest('does nothing under a signal that is aborted already', async (under) => {
      await under.source.start(AbortSignal.abort());
      await under.source[Symbol.asyncDispose]();
      assert.equal(under.source.status().state, 'stopped');
    });

    sourceTest('logs nothing of what a device sent', async (under, { intake, trap }) => {
      verifies('LOG-CLEAN');
      await start(under);
      const device = await under.connect();
      await device.send('P-0001-secret');
      await intake.until(({ stored }) => stored.length === 1);
      await device.send('bad-P-0002-secret');
      await intake.until(({ rejections }) => rejections.length === 1);
      await under.source[Symbol.asyncDispose]();
      assert.doesNotMatch(JSON.stringify(trap.lines), /secret/);
    });
  });
}
