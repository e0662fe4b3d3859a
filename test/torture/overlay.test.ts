import { test } from 'node:test';
import { faultyLines, sickControllers, sickRouters } from '../support/ziti/ordeals.ts';
import { SICK_CONTROLLERS, type SickController } from '../support/ziti/sick-controller.ts';
import { SICKNESSES, type Sickness } from '../support/ziti/sick-router.ts';

test('200 cuts and turned bits under load: nothing is lost, nothing stored twice', (context) => faultyLines(context, 200));

test('a router that is sick, in each way', (context) => sickRouters(context, Object.keys(SICKNESSES) as Sickness[]));

test('a controller that is sick, in each way', (context) => sickControllers(context, Object.keys(SICK_CONTROLLERS) as SickController[]));
