import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { rm } from "node:fs/promises";
import { dockerSocket } from "../docker.ts";

/** A socket on which the engine shows only containers with one label: discovery must not meddle with other tests. */
export async function openEngineView(socketPath: string, label: string): Promise<{ close(): Promise<void> }> {
  const server = createServer((req, res) => passToEngine(req, res, narrow(req.url ?? "/", label)));
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(socketPath, { force: true });
    },
  };
}

/** Asks the engine what was asked here, for `path`; bodies and streams go through as they come. */
export function passToEngine(req: IncomingMessage, res: ServerResponse, path: string): void {
  const asked = request({ socketPath: dockerSocket, path, method: req.method, headers: req.headers }, (answer) => {
    res.writeHead(answer.statusCode ?? 502, answer.headers);
    res.flushHeaders();
    answer.pipe(res);
  });
  asked.on("error", () => res.destroy());
  res.on("close", () => asked.destroy());
  req.pipe(asked);
}

/** Lists and events of the whole engine become those of the label; anything else is asked for by name. */
function narrow(target: string, label: string): string {
  const url = new URL(target, "http://engine");
  if (!/\/(?:containers\/json|events)$/.test(url.pathname)) return target;
  const filters = JSON.parse(url.searchParams.get("filters") ?? "{}") as { label?: readonly string[] };
  url.searchParams.set("filters", JSON.stringify({ ...filters, label: [...(filters.label ?? []), label] }));
  return url.pathname + url.search;
}
