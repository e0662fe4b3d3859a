import type { Instant } from '../../../shared/clock.ts';
import { BY_HAND } from '../by-hand.ts';
import { compareSaid } from './order.ts';
import type { RecordKey, Statement } from './statement.ts';

/** By so much the times may differ that two gateways give one event: one has it from the event, the other from when its message was made or came. */
const APART_MS = 24 * 3_600_000;

/** What happened once, and which gateways told it. */
interface Event {
  content: string;
  says: Statement['says'];
  at: Instant;
  heard: Instant;
  tellers: Set<string>;
}

/**
 * Without what one gateway tells again of what another one told already: an event is known by patient, visit, bed and what it says, and its times may differ where one gateway does not know when it happened. It counts once, from the earliest of its
 * times, so that whatever takes it back takes it back as a whole. It is the same only while nothing else was said of that number in between but what took it back and was heard later, and only the first time that a gateway says it: whoever says it again
 * means another event. What is said by hand is always an event of its own. Pure.
 */
export function toldOnce(statements: readonly Statement[]): Statement[] {
  const events = new Map<RecordKey, Event[]>();
  return [...statements].sort(compareSaid).filter((statement) => {
    if (statement.says === 'confirm') return true;
    const { record, says, at, heard, by } = statement;
    const before = events.get(record) ?? [];
    events.set(record, before);
    const content = contentOf(statement);
    const last = before.findLast((event) => !(event.says === 'cancel' && says !== 'cancel' && event.heard > heard));
    const isAgain = last?.content === content && at - last.at <= APART_MS && isByAnother(by, last);
    if (isAgain) last.tellers.add(by ?? '');
    else before.push({ content, says, at, heard, tellers: new Set(by === undefined ? [] : [by]) });
    return !isAgain;
  });
}

function isByAnother(by: string | undefined, { tellers }: Event): boolean {
  return by !== undefined && by !== BY_HAND && tellers.size > 0 && !tellers.has(BY_HAND) && !tellers.has(by);
}

/** Without when it happened, who said it and when it was heard; nor what only one of two interface engines may give along. */
function contentOf(statement: Statement): string {
  const { record, says, visit, bed } = statement;
  return JSON.stringify([record, says, says === 'cancel' ? statement.act : null, visit, bed]);
}
