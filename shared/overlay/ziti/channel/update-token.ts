import { VitalmeshError } from '../../../errors.ts';
import { CONTENT, contentName } from '../wire/ids.ts';
import type { Channel } from './contract.ts';
import { routerText } from './router-text.ts';

/**
 * Shows the router a new token of the session that the channel was opened with (openziti-wire.md §5). Throws OVERLAY-SESSION when the
 * router does not take it; it then closes the channel by itself, without a word. Otherwise as `Channel.request`.
 */
export async function updateToken(channel: Pick<Channel, 'request'>, token: string, signal: AbortSignal): Promise<void> {
  const { type, body } = await channel.request({ type: CONTENT.updateToken, headers: [], body: Buffer.from(token) }, signal);
  if (type === CONTENT.updateTokenSuccess) return;
  const why = routerText(body);
  throw new VitalmeshError('OVERLAY-SESSION', {
    detail: `the router answered a new token with ${contentName(type)}${why === '' ? '' : `: ${why}`}`,
  });
}
