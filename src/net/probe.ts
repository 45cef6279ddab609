import { connect as connectTcp } from "node:net";
import type { Socket } from "node:net";
import type { Prober, ProbeResult, ProbeTarget } from "../core/prober.ts";
import type { Dialed } from "./dialed.ts";
import { createDialer, dialedEvent, type Receive, withoutBrackets } from "./dial.ts";
import { h2Greeting, readH2Settings, readStatus } from "./probe-answers.ts";
import type { ReadAnswer } from "./probe-answers.ts";
import { isOwnFailure, toReason } from "./socket-failure.ts";

/** How long a TCP upstream must stay open: a userland port relay accepts, then closes when nothing listens behind it. */
const stayOpenMs = 50;

/** An answer that has no status line after so many bytes is none. */
const maxAnswerBytes = 16_384;

/** How a probe goes once connected: either it sends and reads, or it waits and sees. */
type Plan =
  | { readonly kind: "ask"; readonly open: Open; readonly request: string; readonly read: ReadAnswer }
  | { readonly kind: "stay_open"; readonly open: Open };

interface Open {
  readonly connect: (receive: Receive) => Socket;
  /** The event that says the connection is up. */
  readonly event: "connect" | "secureConnect";
}

/**
 * Probes with a bare socket: no pool, no agent, no parser of a whole message, since all it wants is one line (30 times
 * less memory per upstream than a client kept for it). An h2c upstream that answers the HTTP/2 preface with SETTINGS
 * passes, whatever path or status is asked for.
 */
export function createProber({ dialed }: { readonly dialed?: Pick<Dialed, "add"> } = {}): Prober {
  // Health asks the same thousands of questions again and again.
  const plans = new WeakMap<ProbeTarget, Plan | string>();
  const planOf = (target: ProbeTarget): Plan | string => {
    const known = plans.get(target) ?? toPlan(target);
    plans.set(target, known);
    return known;
  };
  return {
    probe(target, { patienceMs, signal }) {
      if (signal.aborted) return Promise.resolve(failed("aborted"));
      const plan = planOf(target);
      if (typeof plan === "string") return Promise.resolve(cannot(plan));
      return new Promise((resolve) => run(plan, { patienceMs, signal, resolve, dialed }));
    },
  };
}

interface Run {
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  readonly resolve: (result: ProbeResult) => void;
  readonly dialed: Pick<Dialed, "add"> | undefined;
}

function run(plan: Plan, { patienceMs, signal, resolve, dialed }: Run): void {
  let connected = false;
  let finished = false;
  let stayOpen: NodeJS.Timeout | undefined;
  let read: Buffer | null = null;
  const socket = plan.open.connect(receive);
  // Listeners stay on: a socket may still fail after destroy, and an error nobody hears ends the process.
  const finish = (result: ProbeResult): void => {
    if (finished) return;
    finished = true;
    clearTimeout(patience);
    clearTimeout(stayOpen);
    signal.removeEventListener("abort", onAbort);
    socket.destroy();
    resolve(result);
  };
  const onAbort = (): void => finish(failed("aborted"));
  const patience = setTimeout(() => {
    finish(failed(`${connected ? "no answer" : "no connection"} within ${patienceMs} ms`));
  }, patienceMs);
  signal.addEventListener("abort", onAbort, { once: true });
  socket
    .on("error", (error: NodeJS.ErrnoException) => finish(toFailure(error)))
    .on("end", () => finish(failed(read === null ? "closed without an answer" : "closed within the answer")))
    .on("close", () => finish(failed("closed without an answer")))
    .on(plan.open.event, onConnected);

  function receive(chunk: Buffer): void {
    if (plan.kind === "stay_open" || finished) return;
    const whole = read === null ? chunk : Buffer.concat([read, chunk]);
    const result = plan.read(whole);
    if (result !== null) return finish(result);
    if (whole.length >= maxAnswerBytes) return finish(failed("no status line in the answer"));
    // A chunk is overwritten by the next.
    read = read === null ? Buffer.from(chunk) : whole;
  }

  function onConnected(): void {
    if (finished) return;
    connected = true;
    dialed?.add(socket);
    if (plan.kind === "ask") socket.write(plan.request, "latin1");
    else stayOpen = setTimeout(() => finish({ ok: true, detail: "open" }), stayOpenMs);
  }
}

/** What cannot be asked comes back as the reason. */
function toPlan(target: ProbeTarget): Plan | string {
  if (target.kind === "tcp") {
    const { host, port } = target;
    if (!Number.isInteger(port) || port < 1 || port > 65_535) return "no valid port";
    const connect = (): Socket => connectTcp({ host: withoutBrackets(host), port }).resume();
    return { kind: "stay_open", open: { connect, event: "connect" } };
  }
  if (!URL.canParse(target.origin)) return "no valid address";
  const origin = new URL(target.origin);
  const { path, method = "GET", headers = {} } = target;
  const host = target.host ?? origin.host;
  // They come from config, yet a line break in them would make two requests of one.
  if (!path.startsWith("/") || ![path, host, method].every(isOneWord)) return "no valid path or host";
  if (!Object.entries(headers).every(isField)) return "no valid headers";
  const open: Open = {
    connect: createDialer(origin, { tlsVerify: target.tlsVerify, allowHalfOpen: false }),
    event: dialedEvent(origin),
  };
  switch (origin.protocol) {
    case "http:":
    case "https:":
      return {
        kind: "ask",
        open,
        request: toRequest(`${method} ${path}`, host, { ...defaults, ...headers }),
        read: readStatus(target.status),
      };
    case "h2c:":
      return { kind: "ask", open, request: h2Greeting, read: readH2Settings };
    default:
      return `cannot probe ${origin.protocol}`;
  }
}

const defaults = { "user-agent": "nodoff-probe", accept: "*/*", connection: "close" };

function toRequest(target: string, host: string, headers: Readonly<Record<string, string>>): string {
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${target} HTTP/1.1\r\nHost: ${host}\r\n${fields.join("")}\r\n`;
}

function isField([name, value]: readonly [string, string]): boolean {
  return isOneWord(name) && !name.includes(":") && /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}

function isOneWord(text: string): boolean {
  return /^[\x21-\x7e\x80-\xff]+$/.test(text);
}

function failed(detail: string): ProbeResult {
  return { ok: false, detail };
}

function cannot(detail: string): ProbeResult {
  return { ok: false, detail, cannot: true };
}

function toFailure(error: NodeJS.ErrnoException): ProbeResult {
  return isOwnFailure(error) ? cannot(toReason(error)) : failed(toReason(error));
}
