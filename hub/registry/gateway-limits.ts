/** How much one gateway may ask of the hub; per second on average, with a burst of `BURST_SECONDS` before. */
export interface GatewayLimits {
  /** Entries of batches: observations and events. */
  entriesPerSecond: number;
  /** Bytes of their JSON, unpacked. */
  bytesPerSecond: number;
  /** What is kept of it in quarantine; beyond that the oldest goes. */
  quarantineRows: number;
  quarantineBytes: number;
}

/** Unless registry.yaml says otherwise: four times what a gateway that drains an outage needs, and a fraction of what a hub takes. */
export const GATEWAY_LIMITS: GatewayLimits = {
  entriesPerSecond: 20_000,
  bytesPerSecond: 32 * 1024 * 1024,
  quarantineRows: 10_000,
  quarantineBytes: 64 * 1024 * 1024,
};

export const BURST_SECONDS = 2;
