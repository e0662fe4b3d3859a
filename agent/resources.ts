import { alertObservation } from '../shared/alert-observation.ts';
import { deviceResources } from '../shared/device-resource.ts';
import { VitalmeshError } from '../shared/errors.ts';
import type { EventFrame } from '../shared/event-observation.ts';
import type { Basic, Resource, StretchObservation } from '../shared/fhir.ts';
import { gapObservation } from '../shared/gap-observation.ts';
import { movementResource } from '../shared/movement-resource.ts';
import type { ReadingRecord } from '../shared/reading.ts';
import { formatObservationId, type RowKey } from '../shared/uplink/key.ts';
import { waveObservation } from '../shared/wave-observation.ts';
import { deviceReference, type NormalizeOptions, normalize, offsetOf } from './normalize.ts';

/** A record as FHIR; always the same for the same record, key and zone. For records that `checkRecord` passed. */
export function resourcesOf(record: ReadingRecord, key: RowKey & { agent: string }, options: NormalizeOptions = {}): Resource[] {
  switch (record.class) {
    case 'spot':
    case 'continuous':
      return normalize(record, key, options);
    case 'alert':
      return (record.alerts ?? []).map((alert, index) => alertObservation(alert, frameOf(record, key, index, options)));
    case 'waveform':
      return (record.waves ?? []).map((wave, index) => waveObservation(wave, frameOf(record, key, index, options)));
    case 'device':
      return devicesOf(record, key);
    case 'movement':
      return [movementOf(record, key, options)];
    case 'gap':
      return [gapOf(record, key, options)];
  }
}

function frameOf(record: ReadingRecord, key: RowKey & { agent: string }, index: number, { zone }: NormalizeOptions): EventFrame {
  const id = formatObservationId({ ...key, index });
  return { id, record, gateway: key.agent, device: deviceReference(record.device), offsetMin: offsetOf(record.receivedAt, zone) };
}

function gapOf(record: ReadingRecord, key: RowKey & { agent: string }, options: NormalizeOptions): StretchObservation {
  if (!record.gap) throw new VitalmeshError('OUTBOX-DAMAGED-ROW', { detail: 'gap' });
  const frame = frameOf(record, key, 0, options);
  return gapObservation(record.gap, { ...frame, offsetMin: offsetOf(record.gap.from, options.zone) });
}

function devicesOf({ tree, device, profile, receivedAt, test }: ReadingRecord, key: RowKey & { agent: string }): Resource[] {
  if (!tree) throw new VitalmeshError('OUTBOX-DAMAGED-ROW', { detail: 'device' });
  const id = (index: number): string => formatObservationId({ ...key, index });
  return deviceResources(tree, { id, device: { identifier: deviceReference(device).identifier }, profile, receivedAt, test });
}

function movementOf(
  { movement, source, profile, receivedAt, test }: ReadingRecord,
  key: RowKey & { agent: string },
  { zone }: NormalizeOptions,
): Basic {
  if (!movement) throw new VitalmeshError('OUTBOX-DAMAGED-ROW', { detail: 'movement' });
  const offsetMin = offsetOf(movement.effective ?? receivedAt, zone);
  return movementResource(movement, { id: formatObservationId({ ...key, index: 0 }), source, profile, receivedAt, offsetMin, test });
}
