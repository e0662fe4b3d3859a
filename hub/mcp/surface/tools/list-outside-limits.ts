import { z } from 'zod';
import { VitalmeshError } from '../../../../shared/errors.ts';
import { LIMITS_OF } from '../../../clinical/overview/outside.ts';
import { tool } from '../contract.ts';
import { groupArguments, groupIn } from '../group-argument.ts';
import { cursorArgument, cursorOf, notShown } from '../pages-of-group.ts';
import { besideMembers } from '../place-not-known.ts';
import { compactOutside, outsideSchema } from './list-outside-limits-view.ts';
import { outsideText } from './list-outside-limits-wording.ts';

export const listOutsideLimits = tool({
  name: 'list_outside_limits',
  title: 'Values outside limits',
  description:
    'Compares what is current of one patient, or of everybody in a ward or on a panel, with limits that must be named: those that the devices say they have, or the ranges of this site. Gives what is outside, inside, and what cannot be told, with why: what is not evaluable may be outside. It raises no alarm.',
  action: 'vitals.read',
  input: z.object({
    limits: z.enum(LIMITS_OF).describe('device: as each device says it is set. site: the ranges in the file of this site.'),
    patient: z.string().min(1).max(256).optional().describe('Opaque patient id. Either this, ward or panel.'),
    ...groupArguments,
    cursor: cursorArgument('question'),
  }),
  output: outsideSchema,
  async call({ limits, patient, ward, panel, cursor }, call) {
    const { clinical, caller, context } = call;
    if (patient !== undefined && (ward ?? panel) !== undefined) throw new VitalmeshError('MCP-GROUP');
    const group = patient === undefined ? groupIn({ ward, panel }) : undefined;
    const whom = patient === undefined ? groupIn({ ward, panel }) : { patient };
    const all = await clinical.outside(caller, { of: limits, whom }, context, call);
    const beside = group === undefined ? {} : besideMembers(group, call, all.length === 0);
    const left = notShown(all, cursor);
    return call.fit(Math.min(call.limits.page, left.length), (rows) => {
      const rest = left.slice(rows);
      const next = rest.length === 0 ? {} : { nextCursor: cursorOf(all, rest) };
      const data = compactOutside({ limits, group }, all, { shown: left.slice(0, rows), ...next, ...beside });
      return { text: outsideText(data), data };
    });
  },
});
