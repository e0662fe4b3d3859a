/** A copy with a few bytes changed, taken out, or doubled. `uniform` gives numbers from 0 up to 1. */
export function mutilate(original: Buffer, uniform: () => number): Buffer {
  const bytes = Buffer.from(original);
  const changes = Math.floor(uniform() * 6);
  for (let i = 0; i < changes; i += 1) bytes[Math.floor(uniform() * bytes.length)] = Math.floor(uniform() * 256);
  const at = Math.floor(uniform() * bytes.length);
  const kind = uniform();
  if (kind < 0.25) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + Math.floor(uniform() * 20))]);
  if (kind < 0.5) return Buffer.concat([bytes.subarray(0, at), bytes]);
  return bytes;
}
