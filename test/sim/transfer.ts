import { runCallingDevice } from '../../agent/simulate/calling-device.ts';
import { adt } from '../../agent/simulate/dialects/adt.ts';
import { secondsInZone, segments } from '../../agent/simulate/hl7-text.ts';
import type { Hl7Simulator, SimulationEvent } from '../../agent/simulate/simulator.ts';
import type { Instant } from '../../shared/clock.ts';

export interface TransferOptions {
  /** Where the gateway takes what the patient administration tells. */
  to: { host: string; port: number };
  patient: string;
  from: string;
  bed: string;
  /** When the patient was moved; it is told now. */
  movedAt: Instant;
}

/**
 * The hospital's patient administration tells once that somebody was moved to another bed (ADT^A02, HL7 v2.6 ch. 3.3.2), some time after it happened. It is no test
 * (MSH-11 P), because a movement that says that it is one moves nobody.
 */
export async function runTransfer({ to: target, patient, from, bed, movedAt }: TransferOptions, signal: AbortSignal): Promise<void> {
  const simulator: Hl7Simulator = { ...adt, messages: ({ at }) => [transfer(at)] };
  const transfer = (at: Instant): { id: string; text: string } => {
    const [now, then] = [secondsInZone(at, 0), secondsInZone(movedAt, 0)];
    const id = `ADT-${at}`;
    const text = segments(
      `MSH|^~\\&|PASSIM|SIMHOSPITAL|VITALMESH|GATEWAY|${now}||ADT^A02^ADT_A02|${id}|P|2.6|||NE|AL||UNICODE UTF-8`,
      `EVN||${now}||||${then}`,
      `PID|1||${patient}^^^SIMHOSPITAL^MR||TEST^PATIENT`,
      `PV1|1|I|^^${bed}|||^^${from}|||||||||||||V-${patient}`,
    );
    return { id, text };
  };
  const options = { simulator, target, seed: 1, patient, bed, count: 1, intervalMs: 0, deteriorates: false, fault: undefined };
  const { connected: _, ...counts } = await runCallingDevice({ ...options, tell }, signal);
  tell({ event: 'done', ...counts });
}

function tell(event: SimulationEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}
