import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { type Program, packageVersion, required, runProgram } from '../../shared/command-line.ts';
import { VitalmeshError } from '../../shared/errors.ts';

const program: Program = {
  name: 'vitalmesh-test',
  summary: 'for a test',
  commands: {
    status: {
      usage: '--config FILE [--json]',
      summary: 'Shows how it is.',
      options: { config: { type: 'string' }, json: { type: 'boolean' } },
      run: async (values, io) => {
        io.stdout.write(`${required(values, 'config')} ${values.json}\n`);
        return 0;
      },
    },
    copy: {
      usage: 'FROM TO [-f]',
      summary: 'Copies.',
      explained: ['-f  also over what is there'],
      options: { force: { type: 'boolean', short: 'f' } },
      positionals: ['FROM', 'TO'],
      run: async (values, io) => {
        io.stdout.write(`${required(values, 'FROM')} ${required(values, 'TO')} ${values.force}\n`);
        return 0;
      },
    },
    net: {
      summary: 'Keeps a network.',
      commands: {
        node: {
          summary: 'Keeps nodes.',
          commands: {
            add: {
              usage: 'NAME',
              summary: 'Adds one.',
              options: {},
              positionals: ['NAME'],
              run: async (values, io) => {
                io.stdout.write(`added ${required(values, 'NAME')}\n`);
                return 0;
              },
            },
          },
        },
      },
    },
    down: {
      usage: '',
      summary: 'Fails.',
      options: {},
      run: async () => {
        throw new VitalmeshError('OPERATOR-NOT-RUNNING');
      },
    },
    broken: {
      usage: '',
      summary: 'Fails.',
      options: {},
      run: async () => {
        throw new TypeError('secret');
      },
    },
  },
};

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const code = await runProgram(program, argv, { stdin: new PassThrough(), stdout, stderr });
  stdout.end();
  stderr.end();
  return { code, out: await text(stdout), err: await text(stderr) };
}

test('a command gets its options', async () => {
  assert.deepEqual(await run('status', '--config', 'a.yaml', '--json'), { code: 0, out: 'a.yaml true\n', err: '' });
});

test('a command gets its arguments without an option, wherever options stand among them', async () => {
  assert.deepEqual(await run('copy', 'a', '-f', '-'), { code: 0, out: 'a - true\n', err: '' });
  assert.deepEqual(await run('copy', '--', '-h', '--help'), { code: 0, out: '-h --help undefined\n', err: '' });
  assert.deepEqual(await run('copy', '--', '-a', '--force'), { code: 0, out: '-a --force undefined\n', err: '' });
});

test('a missing argument is named, and one too many is refused', async () => {
  const missing = await run('copy', 'a');
  assert.equal(missing.code, 2);
  assert.match(missing.err, /^USAGE: .*TO is missing; usage: FROM TO \[-f\]/);
  assert.match((await run('copy', '', 'b')).err, /FROM is missing/);
  assert.equal((await run('copy', 'a', 'b', 'c')).code, 2);
  assert.equal((await run('status', '--config', 'a.yaml', 'b')).code, 2);
});

test('commands stand in groups, each of which tells what it holds', async () => {
  assert.deepEqual(await run('net', 'node', 'add', 'n1'), { code: 0, out: 'added n1\n', err: '' });
  assert.match((await run('--help')).out, /vitalmesh-test net COMMAND …\n {6}Keeps a network\./);
  assert.match((await run('net', '--help')).out, /^vitalmesh-test net: Keeps a network\.\n\n {2}vitalmesh-test net node COMMAND …/);
  assert.match((await run('net', 'node')).out, /vitalmesh-test net node add NAME\n {6}Adds one\./);
  assert.match((await run('net', 'node', 'add', '--help')).out, /^vitalmesh-test net node add NAME\n\nAdds one\./);
  const wrong = await run('net', 'ndoe');
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /vitalmesh-test net has no command 'ndoe'; did you mean 'node'\?/);
});

test('help and version', async () => {
  assert.match((await run()).out, /vitalmesh-test status --config FILE \[--json\]\n {6}Shows how it is\./);
  assert.match((await run('--help')).out, /Not a medical device/);
  assert.match((await run('status', '--help')).out, /Shows how it is/);
  assert.equal((await run('-h')).out, (await run('--help')).out);
  assert.equal((await run('status', '-h')).out, (await run('status', '--help')).out);
  assert.match((await run('net', '-h')).out, /^vitalmesh-test net: Keeps a network\./);
  assert.equal((await run('copy', '-h')).out, 'vitalmesh-test copy FROM TO [-f]\n\nCopies.\n\n  -f  also over what is there\n');
  assert.equal((await run('--version')).out, `${packageVersion()}\n`);
});

test('wrong calls exit with 2 and name what was probably meant', async () => {
  const wrong = await run('sttaus');
  assert.deepEqual([wrong.code, wrong.out], [2, '']);
  assert.match(wrong.err, /^USAGE: .*did you mean 'status'\?\n {2}See --help\.\n$/);
  assert.match((await run('status', '--cnofig', 'x')).err, /unknown option --cnofig; did you mean --config\?/);
  assert.match((await run('status')).err, /--config is missing/);
  assert.match((await run('status', '--cnofig=Meier')).err, /unknown option --cnofig; did you mean --config\?/);
  assert.match((await run('status', '--config')).err, /: --config needs a value\n/);
  assert.match((await run('status', '--config', '--json')).err, /: --config needs a value\n/);
  assert.match((await run('status', '--config', '-x')).err, /: --config needs a value; one that begins with - is given as --config=-…\n/);
  assert.match((await run('status', '--config', '--json=x')).err, /: --config needs a value\n/);
  assert.match((await run('copy', 'a', 'b', '--force=yes')).err, /: -f takes no value\n/);
  assert.match((await run('copy', 'a', 'b', '-xf')).err, /: unknown option -x\n/);
  assert.equal((await run('toString')).code, 2);
});

test('errors exit with 1 or 3, and the text of a defect is not printed', async () => {
  assert.equal((await run('down')).code, 3);
  const broken = await run('broken');
  assert.equal(broken.code, 1);
  assert.ok(!broken.err.includes('secret'));
});

for (const when of ['while the command waits for it', 'while the command does something else'] as const) {
  test(`a reader that goes away ${when} ends the command quietly`, async () => {
    const stdout = new Writable({
      highWaterMark: 1,
      write: (_chunk, _encoding, done) => setImmediate(done, Object.assign(new Error('closed'), { code: 'EPIPE' })),
    });
    const stderr = new PassThrough();
    const endless: Program = {
      ...program,
      commands: {
        export: {
          usage: '',
          summary: 'Prints without end.',
          options: {},
          run: async (_values, io) => {
            io.stdout.write('a\n');
            if (when === 'while the command waits for it') await once(io.stdout, 'drain');
            return await new Promise<number>(() => undefined);
          },
        },
      },
    };
    assert.equal(await runProgram(endless, ['export'], { stdin: new PassThrough(), stdout, stderr }), 0);
    assert.equal(stderr.read(), null);
    assert.equal(stdout.listenerCount('error'), 0);
  });
}
