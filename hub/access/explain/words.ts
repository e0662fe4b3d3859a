import { formatInstant } from '../../../shared/clock.ts';
import type { AccessResource, Action, Decision, Principal, Withheld } from '../access.ts';
import { type Barred, barredInWords } from '../barred.ts';
import type { Policy } from '../policy.ts';
import { formatScope } from '../tokens/scopes.ts';
import type { ExplainedReason } from './explain.ts';

/** What was decided on. */
export interface Decided {
  principal: Principal;
  action: Action;
  resource: AccessResource;
  policy: Policy;
  decision: Decision;
  /** What its token keeps back of what is shown. */
  withheld: readonly Withheld[];
  /** Why ingest would refuse it, where the bindings of the registry do. */
  rule?: string;
  /** Of a gateway that writes, where neither bed, device nor patient was named: for what it may. */
  speaksFor?: readonly string[];
  /** What bars its row, before anything is decided. */
  refused?: Barred;
}

/** Why, in one or two sentences for whoever writes registry.yaml and policy.yaml. */
export function inWords(reason: ExplainedReason, decided: Decided): string {
  return WORDS[reason](decided);
}

const WORDS: Readonly<Record<ExplainedReason, (decided: Decided) => string>> = {
  granted: ({ decision: { obligations, rules }, withheld, speaksFor }) => {
    if (speaksFor)
      return `By ${ruleNames(rules)} a gateway may write for what it is bound to, and for nothing else. This one: ${speaksFor.join('; ')}. Whether it may for one of them, --bed, --device or --patient tells.`;
    const shown = { none: 'Everything is shown', limited: 'What is shown is limited', deidentified: 'What is shown is de-identified' };
    const what = withheld.length === 0 ? shown[obligations.mask] : `${shown[obligations.mask]} that its token covers`;
    const hidden = withheld.length === 0 ? '' : ` Its token hides, by category: ${withheld.join(', ')}.`;
    return `Allowed by ${ruleNames(rules)}. ${what}; the evidence is ${obligations.audit}.${hidden}`;
  },
  credential: ({ refused, decision: { allow } }) =>
    `The credential step refuses it before anything is decided${refused ? `: ${barredInWords(refused)}` : ''}. ${allow ? 'The policy would permit it.' : 'The policy would not permit it either.'}`,
  unknown: () => 'Nobody of this tenant has that patient id: the answer would be the same as for a patient out of reach.',
  expired: ({ principal: { notAfter } }) =>
    notAfter !== undefined && Number.isFinite(notAfter)
      ? `The right ended at ${formatInstant(notAfter)}.`
      : 'The right has no end that can be told.',
  role: ({ principal: { role }, action, policy }) => {
    const others = policy.rules
      .filter(({ effect, actions }) => effect === 'permit' && actions.includes(action))
      .flatMap(({ roles }) => roles);
    const who = others.length === 0 ? 'No rule permits it to anybody.' : `It is permitted to: ${[...new Set(others)].join(', ')}.`;
    return `No rule permits ${action} to the role ${role}. ${who}`;
  },
  tenant: ({ principal: { tenant } }) => `It belongs to the tenant ${tenant} and to no other.`,
  scope: ({ principal: { scopes = [] } }) =>
    scopes.length === 0 ? 'Its token is for nothing that the hub knows.' : `Its token is for ${scopes.map(formatScope).join(', ')} alone.`,
  purpose: ({ principal: { purpose = 'TREAT' }, decision: { rules } }) =>
    `${ruleNames(rules)} would permit it, but not for the purpose ${purpose}.`,
  patient: ({ principal, resource }) =>
    resource.patient === undefined
      ? 'It may do this for patients in its reach alone, and none is named.'
      : `The patient is out of its reach: it has ${reachOf(principal)}; the patient is ${placeOf(resource)}.`,
  binding: ({ rule }) =>
    rule === undefined
      ? 'The gateway may write for this patient, but not for this bed or device.'
      : `By the bindings of registry.yaml the hub would not take it: ${rule}.`,
  forbidden: ({ decision: { rules } }) => `Forbidden by ${ruleNames(rules)}, which outweighs what permits it.`,
  approval: ({ decision: { rules } }) => `By ${ruleNames(rules)} somebody else must approve it first, and nothing can approve it yet.`,
};

function ruleNames(rules: readonly string[]): string {
  return `${rules.length === 1 ? 'the rule' : 'the rules'} ${rules.join(', ')}`;
}

function reachOf({ patients, wards = [], panels = [] }: Principal): string {
  const named = patients === 'all' ? 'all patients' : `${patients.length} ${patients.length === 1 ? 'patient' : 'patients'} by name`;
  return [
    named,
    ...(wards.length > 0 ? [`the wards ${wards.join(', ')}`] : []),
    ...(panels.length > 0 ? [`the panels ${panels.join(', ')}`] : []),
  ].join(', ');
}

function placeOf({ ward, panels = [] }: AccessResource): string {
  const on = panels.length > 0 ? `on the panels ${panels.join(', ')}` : 'on no panel';
  return `${ward === undefined ? 'in no ward' : `in the ward ${ward}`} and ${on}`;
}
