import { randomBytes } from 'node:crypto';
import { createRequestStateCodec, InMemoryServerEventBus } from '@modelcontextprotocol/server';
import type { Extension } from '../extension.ts';
import { type Round, registerAskingTools } from './asking-tools.ts';
import { registerContentTools } from './content-tools.ts';
import { registerPrompts } from './prompts.ts';
import { isWatched, registerResources } from './resources.ts';

/** What the official conformance suite calls, as its scenarios describe it (`conformance list --server`, 0.2.0-alpha.12). */
export function conformanceFixtures(): Extension {
  const changes = new InMemoryServerEventBus();
  const rounds = createRequestStateCodec<Round>({ key: randomBytes(32) });
  return {
    server: {
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        completions: {},
      },
      requestState: { verify: rounds.verify },
    },
    register: (server, own) => {
      registerContentTools(server, { own, changes });
      registerAskingTools(server, rounds);
      registerPrompts(server);
      registerResources(server, own);
    },
    asks: true,
    ownOrigin: true,
    isStill: isWatched,
    changes,
  };
}
