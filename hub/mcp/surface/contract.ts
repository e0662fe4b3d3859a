import type { z } from 'zod';
import type { Clock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Action, Principal } from '../../access/access.ts';
import type { CallContext, Door } from '../../access/door.ts';
import type { Policy } from '../../access/policy.ts';
import type { ClinicalReads } from '../../clinical/reads.ts';
import type { Extension } from '../extension.ts';
import type { Follow } from '../follow.ts';
import type { McpLimits } from '../limits.ts';
import type { ResourceKind, ResourceRef, VarsOf } from '../uris.ts';
import type { OwnWaits } from '../waits.ts';
import type { Asking } from './asking.ts';

/** From what the surface reads: the one door, and what is reckoned over it. */
export interface Sources {
  door: Door;
  clinical: ClinicalReads;
  /** Subscriptions that last as long as a call. */
  waits: OwnWaits;
}

/** What one caller's surface is built from. */
export interface SurfaceOptions extends Sources {
  clock: Clock;
  log: Logger;
  limits: McpLimits;
  context: CallContext;
  /** The caller as the registry has it now. Throws ACCESS-UNKNOWN-CALLER once it is no longer listed. */
  principal: () => Principal;
  /** Whether somebody has a resource subscribed to. */
  follows: (principal: Principal, uri: string) => boolean;
  policy: () => Policy;
  /** Aborted when whoever sent the request that is answered is gone; undefined where that does not end it. */
  gone?: () => AbortSignal | undefined;
  /** The one request that it answers, where it answers no other: what takes no part in that is left out. */
  method?: string | undefined;
  /** What is served beside the hub's own. */
  extension?: Extension | undefined;
}

/** One request of one caller. */
export interface Call extends Sources, Asking {
  caller: Principal;
  context: CallContext;
  clock: Clock;
  limits: McpLimits;
  /** What it answers with as many rows, out of `most`, as the caller's limits have room for. Throws ACCESS-TOO-LARGE where not even one has. */
  fit<Answer>(most: number, make: (rows: number) => Answer): Answer;
}

/** A kind of resource: what it is, what reading it is in terms of the policy, and how it is read. */
export interface ResourceRow<Kind extends ResourceKind> {
  name: string;
  title: string;
  description: string;
  mimeType: 'application/json' | 'application/fhir+json';
  action: Action;
  /** What a variable of its URI may be that begins as typed, sorted; as the caller may see it. */
  completes: { readonly [Name in keyof VarsOf<Kind>]?: (typed: string, call: Call) => Promise<readonly string[]> };
  /** Of which changes whoever subscribes to it is told. Throws MCP-URI. */
  follow(vars: VarsOf<Kind>): Follow;
  /** What the caller reads, to be written as JSON. Throws NOT-FOUND, ACCESS-*. */
  read(vars: VarsOf<Kind>, call: Call): Promise<unknown>;
}

/** A row of a kind that is known only while the hub runs. */
export type AnyResource = Omit<ResourceRow<ResourceKind>, 'completes' | 'follow' | 'read'> & {
  completes: Readonly<Record<string, (typed: string, call: Call) => Promise<readonly string[]>>>;
  follow(vars: ResourceRef['vars']): Follow;
  read(vars: ResourceRef['vars'], call: Call): Promise<unknown>;
};

export type ResourceTable = { readonly [Kind in ResourceKind]: ResourceRow<Kind> };

/** What a tool answers: words for a model, the same as data, and links to what can be read again or followed. */
export interface ToolAnswer {
  text: string;
  data: Record<string, unknown>;
  links?: readonly { uri: string; name: string; description: string }[];
}

/** A tool; every one of them only reads. */
export interface ToolRow {
  name: string;
  title: string;
  description: string;
  action: Action;
  input: z.ZodObject;
  output: z.ZodObject;
  call(args: unknown, call: Call): Promise<ToolAnswer>;
}

/** A row of which the types of arguments and answer were checked where it was written. */
export function tool<Input extends z.ZodObject, Output extends z.ZodObject>(
  row: Omit<ToolRow, 'input' | 'output' | 'call'> & {
    input: Input;
    output: Output;
    call(args: z.infer<Input>, call: Call): Promise<Omit<ToolAnswer, 'data'> & { data: z.infer<Output> }>;
  },
): ToolRow {
  // The SDK has parsed the arguments by `input` before it calls.
  return { ...row, call: (args, call) => row.call(args as z.infer<Input>, call) };
}
