import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { Server } from "node:https";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { AuthError } from "./access.ts";
import type { Access } from "./access.ts";
import { SlowError } from "./api-guests.ts";
import type { Certificate } from "./certificate.ts";
import type { Cluster } from "./cluster.ts";
import type { Fault, Faults } from "./faults.ts";
import { ApiError } from "./model.ts";
import type { Route } from "./route.ts";
import { checkParams } from "./schema.ts";
import type { Params } from "./schema.ts";
import { known } from "./timings.ts";

/** One request as it arrived. */
export interface Journaled {
  /** Virtual ms. */
  readonly at: number;
  readonly method: string;
  /** Without `/api2/json`. */
  readonly path: string;
  readonly params: Params;
  /** Whose work it is; empty = the node that was asked. */
  readonly node: string;
  /** 0 = it got no answer. */
  status: number;
}

export interface ServerDeps {
  readonly cluster: Cluster;
  readonly access: Access;
  readonly routes: readonly Route[];
  readonly faults: Faults;
  readonly journal: Journaled[];
  /** Bodies without `message`, as older versions send them. */
  readonly plainErrors: boolean;
  /** Requests that wait for virtual time to pass. */
  readonly parked: { count: number };
}

/** One node's pveproxy. */
export interface Door {
  readonly port: number;
  open(certificate: Certificate): Promise<void>;
  /** Connections are refused from now on. */
  shut(): Promise<void>;
}

const prefix = "/api2/json";
const jsonType = "application/json;charset=UTF-8";

export function createDoor(deps: ServerDeps): Door {
  let server: Server | null = null;
  let port = 0;
  return {
    get port() {
      return port;
    },
    async open({ key, cert }) {
      const opened = createServer({ key, cert, keepAliveTimeout: 5_000 }, (request, response) => {
        void answer(request, response, deps).catch(() => response.destroy());
      });
      opened.maxRequestsPerSocket = 100;
      await new Promise<void>((resolve) => opened.listen(port, "127.0.0.1", resolve));
      ({ port } = opened.address() as AddressInfo);
      server = opened;
    },
    async shut() {
      const closing = server;
      server = null;
      closing?.closeAllConnections();
      if (closing !== null) await new Promise((resolve) => closing.close(resolve));
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, deps: ServerDeps): Promise<void> {
  const url = new URL(request.url ?? "/", "https://pve");
  const method = request.method ?? "GET";
  const body = await bodyOf(request);
  const path = url.pathname.startsWith(prefix) ? url.pathname.slice(prefix.length) : url.pathname;
  const params = Object.fromEntries([...url.searchParams, ...new URLSearchParams(body)]);
  const node = /^\/nodes\/([^/]+)/.exec(path)?.[1] ?? "";
  const entry: Journaled = { at: deps.cluster.clock.now(), method, path, params, node, status: 0 };
  deps.journal.push(entry);
  response.once("finish", () => (entry.status = response.statusCode));
  const exchange: Exchange = { request, response, method, path, params, node, deps };
  const fault = deps.faults.take(method, path);
  if (fault !== undefined && (await failBefore(fault, exchange))) return;
  const result = await carryOut(exchange);
  if (fault?.kind === "reset" && fault.after === true) return void request.socket.destroy();
  send(result, exchange, fault);
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly path: string;
  readonly params: Params;
  readonly node: string;
  readonly deps: ServerDeps;
}

interface Result {
  readonly status: number;
  readonly reason: string;
  /** null = no body and no type of one, as before routing. */
  readonly body: object | null;
}

/** True when the request is over, or never will be. */
async function failBefore(fault: Fault, exchange: Exchange): Promise<boolean> {
  const { request, response } = exchange;
  switch (fault.kind) {
    case "reply": {
      const type = fault.html === true ? "text/html" : jsonType;
      response.writeHead(fault.status, fault.reason, { "content-type": type, connection: "close" });
      response.end(fault.body ?? (fault.html === true ? "<html><body>error</body></html>" : '{"data":null}'));
      return true;
    }
    case "unauthorized":
      await wait(exchange, known.authDelayMs);
      send({ status: 401, reason: "Authentication failed!", body: null }, exchange, undefined);
      return true;
    case "reset":
      if (fault.after === true) return false;
      request.socket.destroy();
      return true;
    case "delay":
      await wait(exchange, fault.ms);
      return false;
    case "stall":
    case "truncate":
      return false;
  }
}

async function carryOut(exchange: Exchange): Promise<Result> {
  const { request, method, path, params, node, deps } = exchange;
  const route = deps.routes.find((each) => each.method === method && each.pattern.test(path));
  try {
    const who = route?.open === true ? "" : deps.access.identify(request.headers, method);
    if (route === undefined) return { status: 501, reason: `Method '${method} ${path}' not implemented`, body: null };
    if (node !== "") {
      const away = await peerFailure(node, exchange);
      if (away !== null) return away;
    }
    const groups = { ...route.pattern.exec(path)?.groups };
    checkVmid(groups);
    checkParams(params, route.schema);
    await wait(exchange, route.tookMs);
    return { status: 200, reason: "OK", body: { data: route.run({ who, path: groups, params }) ?? null } };
  } catch (error) {
    return toResult(error, exchange);
  }
}

function checkVmid({ vmid }: Readonly<Record<string, string>>): void {
  if (vmid === undefined || (/^\d+$/.test(vmid) && Number(vmid) >= 100)) return;
  const text = "invalid format - value does not look like a valid VM ID";
  throw new ApiError(400, "Parameter verification failed.", { vmid: text });
}

async function peerFailure(node: string, exchange: Exchange): Promise<Result | null> {
  const found = exchange.deps.cluster.nodes.find(({ name }) => name === node);
  if (found === undefined) {
    const reason = `hostname lookup '${node}' failed - failed to get address info for: ${node}: Name or service not known`;
    return { status: 500, reason, body: { data: null } };
  }
  if (found.downAt === null) return null;
  if (found.downAs === "refused") return { status: 595, reason: "Connection refused", body: null };
  await wait(exchange, known.peerTimeoutMs);
  return { status: 596, reason: "Connection timed out", body: null };
}

async function toResult(error: unknown, exchange: Exchange): Promise<Result> {
  if (error instanceof AuthError) {
    await wait(exchange, known.authDelayMs);
    // Of a login that failed there is a body, of a request that was not let in there is none.
    return { status: 401, reason: error.message, body: exchange.path === "/access/ticket" ? { data: null } : null };
  }
  if (error instanceof SlowError) {
    await wait(exchange, error.ms);
    return toResult(error.error, exchange);
  }
  if (!(error instanceof ApiError)) throw error;
  const { status, message, errors } = error;
  const words = exchange.deps.plainErrors ? {} : { message: `${message}\n` };
  const reason = message.split("\n")[0] ?? "";
  return { status, reason, body: { data: null, ...words, ...(errors !== undefined && { errors }) } };
}

function send({ status, reason, body }: Result, { request, response }: Exchange, fault: Fault | undefined): void {
  // Every refusal ends the connection.
  const closing = status >= 400 ? { connection: "close" } : {};
  if (body === null) return void response.writeHead(status, reason, closing).end();
  const text = JSON.stringify(body);
  if (fault?.kind === "stall") {
    response.writeHead(status, reason, { "content-type": jsonType, "content-length": text.length });
    response.write(text.slice(0, text.length / 2));
    return;
  }
  if (fault?.kind === "truncate") {
    response.writeHead(status, reason, { "content-type": jsonType });
    return void response.end(text.slice(0, Math.max(2, text.length - 3)));
  }
  const accepts = /\bgzip\b/.test(request.headers["accept-encoding"] ?? "");
  if (!accepts || text.length <= 1024) {
    return void response.writeHead(status, reason, { "content-type": jsonType, ...closing }).end(text);
  }
  response.writeHead(status, reason, { "content-type": jsonType, "content-encoding": "gzip", ...closing });
  response.end(gzipSync(text));
}

/** Virtual time; the request counts as parked meanwhile, so that a test may move the clock. */
async function wait({ deps, request }: Exchange, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = deps.cluster.clock.after(ms, resolve);
  deps.parked.count++;
  request.socket.once("close", resolve);
  await promise;
  request.socket.off("close", resolve);
  cancel();
  deps.parked.count--;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  request.setEncoding("utf8");
  for await (const chunk of request) text += String(chunk);
  return text;
}
