import {
  acceptedContent,
  type CallToolResult,
  type ElicitInputParams,
  type InputRequest,
  type InputRequiredResult,
  inputRequired,
  inputResponse,
  type McpServer,
  type RequestStateCodec,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { words } from './contents.ts';

type Answer = CallToolResult | InputRequiredResult;

const NAME = z.object({ name: z.string() });
const COLOR = z.object({ color: z.string() });
const OK = z.object({ ok: z.boolean() });
const CONTACT = z.object({ username: z.string().describe("User's response"), email: z.string().describe("User's email address") });

const DEFAULTS: ElicitInputParams['requestedSchema'] = {
  type: 'object',
  properties: {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  },
};

const OPTIONS = ['option1', 'option2', 'option3'];
const titled = (what: string) => ['First', 'Second', 'Third'].map((nth, i) => ({ const: `value${i + 1}`, title: `${nth} ${what}` }));

const ENUMS: ElicitInputParams['requestedSchema'] = {
  type: 'object',
  properties: {
    untitledSingle: { type: 'string', enum: OPTIONS },
    titledSingle: { type: 'string', oneOf: titled('Option') },
    legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] },
    untitledMulti: { type: 'array', items: { type: 'string', enum: OPTIONS } },
    titledMulti: { type: 'array', items: { anyOf: titled('Choice') } },
  },
};

/** How far a question in several rounds is. */
export interface Round {
  step: number;
}

/**
 * Tools that ask the client's user or model. They are written as 2026-07-28 has it (`input_required`, then the same call with the answers); on 2025-11-25 the SDK
 * asks in between.
 */
export function registerAskingTools(server: McpServer, rounds: RequestStateCodec<Round>): void {
  registerOneQuestion(server);
  registerSeveralRounds(server, rounds);
  const tool = (name: string, description: string, run: (request: ServerContext) => Answer): void => {
    server.registerTool(name, { description }, run);
  };
  tool('test_missing_capability', 'Needs a client that has a model.', (request) =>
    inputResponse(request.mcpReq.inputResponses, 'answer').kind === 'sampling'
      ? said('Answered')
      : asked({ answer: sampling('Anything', 10) }),
  );
  tool('test_input_required_result_capabilities', 'Asks what this client says that it can answer.', ({ mcpReq }) => {
    const { sampling: model, elicitation: user } = capabilitiesOf(mcpReq.envelope);
    return asked({ ...(model && { question: sampling('Anything', 10) }), ...(user && { name: elicited('Your name?', NAME) }) });
  });
}

function registerOneQuestion(server: McpServer): void {
  const describe = (description: string) => ({ description });
  server.registerTool(
    'test_sampling',
    { ...describe("Asks the client's model."), inputSchema: z.object({ prompt: z.string() }) },
    ({ prompt }, { mcpReq }) => {
      const answer = inputResponse(mcpReq.inputResponses, 'answer');
      return answer.kind === 'sampling' ? said(`LLM response: ${textOf(answer.result.content)}`) : asked({ answer: sampling(prompt, 100) });
    },
  );
  server.registerTool(
    'test_elicitation',
    { ...describe("Asks the client's user."), inputSchema: z.object({ message: z.string() }) },
    ({ message }, request) => formOf(request, 'User response', { message, requestedSchema: CONTACT }),
  );
  server.registerTool('test_elicitation_sep1034_defaults', describe('Asks with a default for each primitive type.'), (request) =>
    formOf(request, 'Elicitation completed', { message: 'Please check these', requestedSchema: DEFAULTS }),
  );
  server.registerTool('test_elicitation_sep1330_enums', describe('Asks with each form of an enumeration.'), (request) =>
    formOf(request, 'Elicitation completed', { message: 'Please choose', requestedSchema: ENUMS }),
  );
  server.registerTool('test_streaming_elicitation', describe("Asks the client's user."), (request) =>
    formOf(request, 'User response', { message: 'Please confirm', requestedSchema: OK }),
  );
  server.registerTool('test_input_required_result_elicitation', describe("Asks the client's user."), ({ mcpReq }) => {
    const given = acceptedContent(mcpReq.inputResponses, 'user_name', NAME);
    return given ? said(`Hello, ${given.name}!`) : asked({ user_name: elicited('What is your name?', NAME) });
  });
  server.registerTool('test_input_required_result_sampling', describe("Asks the client's model."), ({ mcpReq }) => {
    const answer = inputResponse(mcpReq.inputResponses, 'capital_question');
    if (answer.kind === 'sampling') return said(textOf(answer.result.content));
    return asked({ capital_question: sampling('What is the capital of France?', 100) });
  });
  server.registerTool('test_input_required_result_list_roots', describe('Asks for the roots of the client.'), ({ mcpReq }) => {
    const answer = inputResponse(mcpReq.inputResponses, 'client_roots');
    if (answer.kind === 'roots') return said(`Roots: ${answer.roots.map(({ uri }) => uri).join(', ')}`);
    return asked({ client_roots: inputRequired.listRoots() });
  });
}

function registerSeveralRounds(server: McpServer, rounds: RequestStateCodec<Round>): void {
  const first = (inputRequests: Record<string, InputRequest>) => staged(rounds, 1, inputRequests);
  for (const name of ['test_input_required_result_request_state', 'test_input_required_result_tampered_state']) {
    server.registerTool(name, { description: 'Asks with a state that must come back as it was given.' }, async ({ mcpReq }) =>
      mcpReq.requestState<Round>()?.step === 1 && acceptedContent(mcpReq.inputResponses, 'confirm', OK)
        ? said('state-ok')
        : await first({ confirm: elicited('Please confirm', OK) }),
    );
  }
  server.registerTool('test_input_required_result_multiple_inputs', { description: 'Asks three things at once.' }, async ({ mcpReq }) => {
    const greeting = inputResponse(mcpReq.inputResponses, 'greeting');
    const roots = inputResponse(mcpReq.inputResponses, 'client_roots');
    const given = acceptedContent(mcpReq.inputResponses, 'user_name', NAME);
    if (given && greeting.kind === 'sampling' && roots.kind === 'roots')
      return said(`${textOf(greeting.result.content)} ${given.name}, with ${roots.roots.length} roots`);
    return await first({
      user_name: elicited('What is your name?', NAME),
      greeting: sampling('Generate a greeting', 50),
      client_roots: inputRequired.listRoots(),
    });
  });
  server.registerTool('test_input_required_result_multi_round', { description: 'Asks twice, one after the other.' }, async ({ mcpReq }) => {
    const step = mcpReq.requestState<Round>()?.step;
    const color = acceptedContent(mcpReq.inputResponses, 'step2', COLOR);
    if (step === 2 && color) return said(`Your favorite color is ${color.color}`);
    const isNamed = step === 1 && acceptedContent(mcpReq.inputResponses, 'step1', NAME) !== undefined;
    if (!isNamed && step !== 2) return await first({ step1: elicited('Step 1: What is your name?', NAME) });
    return await staged(rounds, 2, { step2: elicited('Step 2: What is your favorite color?', COLOR) });
  });
}

/** Asks for a form, and says what came of it, whichever way it was answered. */
function formOf({ mcpReq }: ServerContext, said_: string, form: Parameters<typeof inputRequired.elicit>[0]): Answer {
  const answer = inputResponse(mcpReq.inputResponses, 'form');
  if (answer.kind !== 'elicit') return asked({ form: inputRequired.elicit(form) });
  return said(`${said_}: action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`);
}

function asked(inputRequests: Record<string, InputRequest>): InputRequiredResult {
  return inputRequired({ inputRequests });
}

async function staged(
  rounds: RequestStateCodec<Round>,
  step: number,
  inputRequests: Record<string, InputRequest>,
): Promise<InputRequiredResult> {
  return inputRequired({ inputRequests, requestState: await rounds.mint({ step }) });
}

function elicited(message: string, requestedSchema: z.ZodObject): InputRequest {
  return inputRequired.elicit({ message, requestedSchema });
}

function sampling(text: string, maxTokens: number): InputRequest {
  return inputRequired.createMessage({ messages: [{ role: 'user', content: words(text) }], maxTokens });
}

function said(text: string): CallToolResult {
  return { content: [words(text)] };
}

function textOf(content: unknown): string {
  const [block] = Array.isArray(content) ? content : [content];
  return typeof block === 'object' && block !== null && 'text' in block ? String(block.text) : '';
}

function capabilitiesOf(envelope: object = {}): { sampling?: object; elicitation?: object } {
  const { 'io.modelcontextprotocol/clientCapabilities': capabilities = {} } = envelope as Record<string, object>;
  return capabilities;
}
