import type { Channel } from '../channel/contract.ts';

/** Stops a channel for the sake of one reader, until it is disposed or `ms` have passed; then calls `onLimit`, once. */
export function holdChannel(channel: Channel, ms: number, onLimit: () => void): Disposable {
  const hold = channel.hold();
  const timer = setTimeout(() => {
    hold[Symbol.dispose]();
    onLimit();
  }, ms).unref();
  return {
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      hold[Symbol.dispose]();
    },
  };
}
