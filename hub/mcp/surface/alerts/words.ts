import { scopeText } from '../../wording.ts';
import { whoseText } from '../shown.ts';
import type { Alerts } from './view.ts';

/** Alerts in plain English, what is not covered first. What devices wrote stands in the data alone, in fields named untrusted. */
export function alertsText(answer: Alerts): string {
  const { alerts, open, coverage, lookedBackTo, withheld, freeText, truncated, notice } = answer;
  return [
    ...whoseText(answer),
    ...coverageLines(coverage),
    ...(withheld ? [`${scopeText(withheld)} This says nothing about the patient.`] : []),
    alerts.length === 0 ? `No alert was told of since ${lookedBackTo}. That is not calm: go by the devices.` : `${open} open.`,
    ...alerts.map(alertLine),
    ...(truncated ? ['There are more alerts than shown here.'] : []),
    ...(freeText === 'left-out' && alerts.length > 0 ? ['What devices wrote is left out: include_free_text shows it, as data.'] : []),
    notice,
  ].join('\n');
}

function coverageLines({ complete, canTell, cannotTell, why }: Alerts['coverage']): string[] {
  const devices = canTell + cannotTell;
  const counted = `Coverage: of ${canTell} of ${devices} ${devices === 1 ? 'device' : 'devices'} an alarm would be told here`;
  return complete ? [`${counted}.`] : [`${counted}. NOT COVERED: ${why.join('; ')}.`];
}

const STATE_WORDS: Readonly<Record<Alerts['alerts'][number]['state'], string>> = {
  active: 'ACTIVE',
  unknown: 'NOT KNOWN WHETHER IT IS STILL THERE',
  ended: 'ended',
};

function alertLine(alert: Alerts['alerts'][number]): string {
  const { state, stateSince, since, priority, type, mdc, vital, vitalName, device, test, delayedSeconds, inactivation } = alert;
  return [
    `- ${STATE_WORDS[state]} since ${stateSince}`,
    ...(since === stateSince ? [] : [`told of since ${since}`]),
    `priority ${priority}`,
    `${type}${vital === undefined ? '' : `, about ${vitalName} (${vital})`}${mdc === undefined ? '' : `, MDC ${mdc}`}`,
    `device ${device ?? 'not named here'}${test ? ', TEST' : ''}`,
    ...(inactivation === undefined ? [] : [inactivation]),
    ...(delayedSeconds === undefined ? [] : [`news of it took ${delayedSeconds} s`]),
  ].join('; ');
}
