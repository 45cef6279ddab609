import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

export interface StubRequest {
  readonly method: string;
  /** Without the version, such as `/containers/app/start`. */
  readonly path: string;
  /** As asked for: `1.41`; null without one. */
  readonly api: string | null;
  readonly query: URLSearchParams;
}

/** A JSON body, a plain text one, or whatever the test does with the response itself. */
export type StubReply =
  | { readonly status: number; readonly json?: unknown; readonly text?: string }
  | { readonly raw: (res: ServerResponse) => void };

/** Plays an engine over HTTP on a loopback port, for what the real one here never does. */
export interface EngineStub {
  readonly url: string;
  readonly requests: readonly StubRequest[];
  /** Of the form `POST /containers/app/start`. */
  asked(call: string): readonly StubRequest[];
  /** Sends a line to every open event stream. */
  event(event: object): void;
  close(): Promise<void>;
}

export interface EngineStubOptions {
  readonly version?: object;
  /** Listens with TLS, and only for clients with a certificate of this one. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Answers by call; without an answer it is 404 as an engine says it. `GET /version` and `GET /events` are built in. */
  readonly reply: (request: StubRequest) => StubReply | undefined;
}

export async function engineStub({ version, tls, reply }: EngineStubOptions): Promise<EngineStub> {
  const requests: StubRequest[] = [];
  const streams = new Set<ServerResponse>();
  const builtIn = ({ method, path }: StubRequest): StubReply | undefined => {
    if (method !== "GET") return undefined;
    if (path === "/version") return { status: 200, json: version ?? { ApiVersion: "1.41", MinAPIVersion: "1.12" } };
    if (path === "/containers/json") return { status: 200, json: [] };
    if (path !== "/events") return undefined;
    return {
      raw(res) {
        streams.add(res.once("close", () => streams.delete(res)));
        res.writeHead(200, { "content-type": "application/json" }).flushHeaders();
      },
    };
  };
  const onRequest = (req: IncomingMessage, res: ServerResponse): void => {
    const request = toRequest(req);
    requests.push(request);
    send(
      res,
      reply(request) ?? builtIn(request) ?? { status: 404, json: { message: `no such container: ${request.path}` } },
    );
  };
  const mutual = tls && { ...tls, ca: tls.cert, requestCert: true, rejectUnauthorized: true };
  const server = mutual === undefined ? createServer(onRequest) : createTlsServer(mutual, onRequest);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `tcp://127.0.0.1:${port}`,
    requests,
    asked: (call) => requests.filter(({ method, path }) => `${method} ${path}` === call),
    event(event) {
      for (const res of streams) res.write(`${JSON.stringify(event)}\n`);
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function toRequest(req: IncomingMessage): StubRequest {
  const url = new URL(req.url ?? "/", "http://engine");
  const versioned = /^\/v(\d+\.\d+)(\/.*)$/.exec(url.pathname);
  const { method = "GET" } = req;
  return { method, path: versioned?.[2] ?? url.pathname, api: versioned?.[1] ?? null, query: url.searchParams };
}

function send(res: ServerResponse, reply: StubReply): void {
  if ("raw" in reply) return reply.raw(res);
  if (reply.text !== undefined)
    return void res.writeHead(reply.status, { "content-type": "text/plain" }).end(reply.text);
  res.writeHead(reply.status, { "content-type": "application/json" });
  res.end(reply.json === undefined ? undefined : JSON.stringify(reply.json));
}
