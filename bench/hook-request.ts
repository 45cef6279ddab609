/** Name of the n-th route or workload. */
export function aliasOf(n: number): string {
  return `app${n}`;
}

/** Host of the n-th route. */
export function hostOf(n: number): string {
  return `app${n}.team${n % 100}.example.com`;
}

const agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/**
 * What the n-th browser's request looks like by the time Traefik asks about it: 19 headers, 1 KB. All differ as much,
 * to however few hosts they go.
 */
export function toHookRequest(n: number, host = hostOf(n)): Buffer {
  return toRequest([
    `X-Forwarded-Host: ${host}`,
    `X-Forwarded-Uri: /dashboard/widgets/${n}?view=compact&page=${n % 7}`,
    `User-Agent: ${agent}`,
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language: en-US,en;q=0.9,de;q=0.7",
    "Accept-Encoding: gzip, deflate, br, zstd",
    `Referer: https://${host}/dashboard`,
    `Cookie: session=4f1d8c2ab73e490f8f0b${n}; theme=dark; consent=necessary; last_seen=1763700000`,
    "Sec-Fetch-Dest: document",
    "Sec-Fetch-Mode: navigate",
    "Sec-Fetch-Site: same-origin",
    `X-Forwarded-For: 192.0.2.${n % 200}`,
    `X-Real-Ip: 192.0.2.${n % 200}`,
  ]);
}

/** What a script's request for the n-th host looks like: one that is held until the service answers. */
export function toHeldRequest(n: number): Buffer {
  return toRequest([
    `X-Forwarded-Host: ${hostOf(n)}`,
    "X-Forwarded-Uri: /api/items?page=2",
    "User-Agent: curl/8.5.0",
    "Accept: */*",
    "X-Forwarded-For: 192.0.2.7",
  ]);
}

function toRequest(headers: readonly string[]): Buffer {
  const head = [
    "GET /auth/traefik HTTP/1.1",
    "Host: nodoff:8090",
    "X-Forwarded-Method: GET",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Port: 443",
    "X-Forwarded-Server: edge",
    ...headers,
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n`);
}
