import { acceptedContent, completable, type GetPromptResult, inputRequired, type McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { embedded, IMAGE, words } from './contents.ts';

const CONTEXT = z.object({ context: z.string() });
const WORDS = ['paris', 'park', 'party', 'test', 'testing'];

const argument = () => completable(z.string(), (typed) => WORDS.filter((word) => word.startsWith(typed)));

/** Prompts: plain, with arguments that can be completed, with a resource, with an image, and one that asks the client's user. */
export function registerPrompts(server: McpServer): void {
  server.registerPrompt('test_simple_prompt', { description: 'A prompt without arguments.' }, () =>
    told(words('This is a simple prompt for testing.')),
  );
  server.registerPrompt(
    'test_prompt_with_arguments',
    { description: 'A prompt with two arguments.', argsSchema: z.object({ arg1: argument(), arg2: argument() }) },
    ({ arg1, arg2 }) => told(words(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'A prompt with a resource.', argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri }) =>
      told(
        embedded(resourceUri, 'text/plain', 'Embedded resource content for testing.'),
        words('Please process the embedded resource above.'),
      ),
  );
  server.registerPrompt('test_prompt_with_image', { description: 'A prompt with an image.' }, () =>
    told(IMAGE, words('Please analyze the image above.')),
  );
  server.registerPrompt('test_input_required_result_prompt', { description: "A prompt that asks the client's user." }, ({ mcpReq }) => {
    const given = acceptedContent(mcpReq.inputResponses, 'user_context', CONTEXT);
    if (given) return told(words(`With this context: ${given.context}`));
    const question = inputRequired.elicit({ message: 'What context should the prompt use?', requestedSchema: CONTEXT });
    return inputRequired({ inputRequests: { user_context: question } });
  });
}

function told(...contents: GetPromptResult['messages'][number]['content'][]): GetPromptResult {
  return { messages: contents.map((content) => ({ role: 'user', content })) };
}
