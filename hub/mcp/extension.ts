import type {
  ListResourcesResult,
  McpServer,
  ReadResourceResult,
  ServerContext,
  ServerEventBus,
  ServerOptions,
} from '@modelcontextprotocol/server';
import type { Asking } from './surface/asking.ts';
import type { NotesToCallers } from './surface/notes-to-callers.ts';

/** The hub's own surface, for what lies beside it. */
export interface OwnSurface {
  list(cursor: string | undefined): Promise<ListResourcesResult>;
  read(uri: string, request: ServerContext): Promise<ReadResourceResult>;
  notes: NotesToCallers;
  asking(request: ServerContext): Asking;
}

/** What an endpoint serves beside the hub's own surface, behind the same gate. Only the conformance mode has one. */
export interface Extension {
  server: Pick<ServerOptions, 'capabilities' | 'requestState'>;
  /** Registers it with the server of one caller, behind the hub's own. */
  register(server: McpServer, own: OwnSurface): void;
  /** Whether callers are asked something, so that answers of theirs come. */
  asks: boolean;
  /** Whether a request may come from a page of a host that may stand in Host; else none may that has an Origin. */
  ownOrigin: boolean;
  /** Whether this is a resource that may be subscribed to, of which nothing is ever told. */
  isStill(uri: string): boolean;
  /** Changes of its lists. */
  changes: Pick<ServerEventBus, 'subscribe'>;
}
