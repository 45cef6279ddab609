import { type ClientRequest, type IncomingHttpHeaders, request } from "node:http";
import { connect } from "node:net";

/** What came back. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Both doors of a running nodoff. */
export interface Doors {
  /** Through our own proxy, as a program. */
  get(host: string): Promise<Reply>;
  /** What a Traefik asks about a request of a program. */
  hook(host: string): Promise<Reply>;
  /** The page's long poll, given up after `ms`. */
  watchPage(host: string, ms: number): Promise<void>;
  /** A request whose sender leaves after `ms`. */
  leave(host: string, ms: number): Promise<void>;
  /** Upgrades, and reads until the end. */
  upgrade(host: string): Promise<string>;
}

interface Ports {
  readonly proxy: number;
  readonly hook: number;
}

const program = { accept: "application/json", "user-agent": "soak/1.0" };

export function createDoors({ proxy, hook }: Ports): Doors {
  const toHook = (host: string) => ({
    ...program,
    "x-forwarded-method": "GET",
    "x-forwarded-proto": "http",
    "x-forwarded-host": host,
    "x-forwarded-uri": "/",
    "x-forwarded-for": "10.1.1.1",
  });
  return {
    get: (host) => reply(ask(proxy, "/", { ...program, host })),
    hook: (host) => reply(ask(hook, "/auth/traefik", toHook(host))),
    watchPage: (host, ms) => leaveAfter(ask(proxy, "/.nodoff/wait?since=napping", { ...program, host }), ms),
    leave: (host, ms) => leaveAfter(ask(proxy, "/", { ...program, host }), ms),
    upgrade: (host) => upgrade(proxy, host),
  };
}

function ask(port: number, path: string, headers: Readonly<Record<string, string>>): ClientRequest {
  return request({ host: "127.0.0.1", port, path, headers, agent: false });
}

function reply(sent: ClientRequest): Promise<Reply> {
  return new Promise((resolve, reject) => {
    sent.on("error", reject);
    sent.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      response.on("error", reject);
    });
    sent.end();
  });
}

function leaveAfter(sent: ClientRequest, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => sent.destroy(), ms);
    sent.on("response", (response) => response.resume());
    // Destroyed by us, as often as not.
    sent.on("error", () => undefined);
    sent.on("close", () => {
      clearTimeout(timer);
      resolve();
    });
    sent.end();
  });
}

function upgrade(port: number, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.setEncoding("utf8");
    socket.on("error", reject);
    socket.on("data", (chunk: string) => (text += chunk));
    socket.on("close", () => resolve(text));
    socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`);
  });
}
