import { ALERT_CHECK } from './alert-observation.ts';
import { DEVICE_CHECK } from './device-resource.ts';
import type { EventCheck } from './event.ts';
import { GAP_CHECK } from './gap-observation.ts';
import { MOVEMENT_CHECK } from './movement-resource.ts';
import { WAVE_CHECK } from './wave-observation.ts';

/** How each kind of event is checked; of what fits none of them nobody but the check of readings decides. */
export const EVENT_CHECKS: readonly EventCheck[] = [ALERT_CHECK, MOVEMENT_CHECK, WAVE_CHECK, DEVICE_CHECK, GAP_CHECK];
