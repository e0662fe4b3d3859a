import { checkpointAfter } from './small-log.ts';

// The thread of an outbox that is recorded: `POWER_CUT_PAGES` and `POWER_CUT_CARELESS` as the arguments of outbox-child.ts.

checkpointAfter(Number(process.env.POWER_CUT_PAGES), process.env.POWER_CUT_CARELESS !== undefined);
await import('../../../agent/outbox/thread/thread.ts');
