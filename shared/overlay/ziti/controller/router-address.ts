/** Where a router's channel is reached. */
export interface RouterAddress {
  host: string;
  port: number;
}

const ADDRESS = /^tls:(?:\/\/)?(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253})):(\d{1,5})$/;

/** Reads `tls://host:port` or the older `tls:host:port`; undefined for other transports (wss) and for anything else. */
export function parseRouterAddress(url: string): RouterAddress | undefined {
  const [, ipv6, name, digits] = ADDRESS.exec(url) ?? [];
  const host = ipv6 ?? name;
  const port = Number(digits);
  return host !== undefined && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}
