import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

/** A socket proxy's allow list as its command line has it: `-allowGET=regex`, anchored at both ends. */
export interface SocketProxy {
  readonly port: number;
  /** What was asked for and not let through, such as `POST /containers/json`; ids replaced by `{id}`. */
  readonly refused: ReadonlySet<string>;
  close(): Promise<void>;
}

/** Passes to `socket` what `flags` allow; answers 403 to all else, in plain text, as those proxies do. */
export async function startSocketProxy(
  socket: string,
  { flags, host }: { readonly flags: readonly string[]; readonly host: string },
): Promise<SocketProxy> {
  const refused = new Set<string>();
  const rules = flags.flatMap((flag) => {
    const [, method, pattern] = /^-allow([A-Z]+)=(.*)$/.exec(flag) ?? [];
    return method === undefined ? [] : [{ method, pattern: new RegExp(`^(?:${pattern})$`) }];
  });
  const server = createServer((asked, answer) => {
    const { pathname } = new URL(asked.url ?? "/", "http://engine");
    if (!rules.some(({ method, pattern }) => method === asked.method && pattern.test(pathname))) {
      refused.add(`${asked.method} ${pathname.replace(/^\/v1\.\d+/, "").replace(/^(\/\w+\/)[^/]+(?=\/)/, "$1{id}")}`);
      return void answer.writeHead(403).end("Forbidden\n");
    }
    const { method, url, headers } = asked;
    const passed = request({ socketPath: socket, method, path: url, headers }, (reply) => {
      answer.writeHead(reply.statusCode ?? 500, reply.headers).flushHeaders();
      reply.pipe(answer);
    });
    passed.on("error", () => answer.destroy());
    answer.on("close", () => passed.destroy());
    asked.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    refused,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
