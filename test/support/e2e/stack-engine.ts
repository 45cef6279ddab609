import { rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AtEnd } from "./ends.ts";
import { passToEngine } from "./engine-view.ts";

/**
 * What the engine answers in place of doing it; null = it does it. `call` is as in an allow list, without the API's
 * version and query: `POST /containers/0af3…/stop`.
 */
export type Fault = (call: string) => { readonly status: number; readonly message: string } | null;

/** A socket in front of the engine where calls can fail, or are not allowed. */
export interface FaultyEngine {
  /** From now on. */
  fail(fault: Fault): void;
}

/** Passes every call on but those that `fail` catches, which are answered in the engine's way. */
export async function openFaultyEngine(atEnd: AtEnd, socketPath: string): Promise<FaultyEngine> {
  let fault: Fault = () => null;
  const server = createServer((req, res) => {
    const { method = "", url = "/" } = req;
    const failure = fault(`${method} ${url.replace(/^\/v[\d.]+/, "").replace(/\?.*$/, "")}`);
    if (failure === null) return passToEngine(req, res, url);
    res.writeHead(failure.status, { "content-type": "application/json" });
    res.end(JSON.stringify({ message: failure.message }));
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  atEnd(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(socketPath, { force: true });
  });
  return { fail: (next) => void (fault = next) };
}
