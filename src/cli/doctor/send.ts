import { type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { TLSSocket } from "node:tls";

/** One request from outside. */
export interface Sending {
  readonly url: URL;
  /** Where to connect instead of asking DNS for the host. */
  readonly connectTo: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly stop: AbortSignal;
}

/** What came of it: an answer of whatever status, or why there was none. */
export type Reply =
  | {
      readonly kind: "answer";
      readonly status: number;
      /** Lower-case names; of several the values joined. */
      readonly headers: Readonly<Record<string, string | undefined>>;
      /** Its beginning. */
      readonly body: string;
      /** Our own end of the connection. */
      readonly localAddress: string | null;
      /** Why its certificate is not to be trusted (a code of OpenSSL's or Node's); null = it is, or there is none. */
      readonly certificate: string | null;
    }
  | {
      readonly kind: "failed";
      readonly reason: "dns" | "refused" | "timeout" | "tls" | "cut";
      readonly message: string;
    };

/** Longer than any page of nodoff. */
const bodyMax = 65_536;

/** Sends one GET on a connection of its own. Redirects are answers; a bad certificate is told and accepted. Never rejects. */
export function send({ url, connectTo, headers, timeoutMs, stop }: Sending): Promise<Reply> {
  const isTls = url.protocol === "https:";
  const options = {
    host: connectTo ?? url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (isTls ? 443 : 80) : Number(url.port),
    path: url.pathname + url.search,
    headers: { host: url.host, ...headers },
    agent: false as const,
    signal: AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)]),
  };
  return new Promise((resolve) => {
    const sent: ClientRequest = isTls
      ? httpsRequest({ ...options, servername: url.hostname, rejectUnauthorized: false })
      : httpRequest(options);
    sent.on("error", (error) => resolve({ kind: "failed", ...toReason(error) }));
    sent.on("response", (response) => void read(response).then(resolve));
    sent.end();
  });
}

async function read(response: IncomingMessage): Promise<Reply> {
  const { socket } = response;
  const localAddress = socket.localAddress?.replace(/^::ffff:/, "") ?? null;
  const certificate = certificateOf(socket as Partial<TLSSocket>);
  let body = "";
  try {
    for await (const chunk of response.setEncoding("utf8")) {
      body += String(chunk);
      if (body.length > bodyMax) break;
    }
  } catch {
    // A stream that goes on, or was cut: its beginning is enough.
  }
  response.destroy();
  const { statusCode = 0, headers } = response;
  const joined = Object.entries(headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(", ") : value,
  ]);
  return {
    kind: "answer",
    status: statusCode,
    headers: Object.fromEntries(joined) as Readonly<Record<string, string | undefined>>,
    body,
    localAddress,
    certificate,
  };
}

function certificateOf({ encrypted, authorized, authorizationError }: Partial<TLSSocket>): string | null {
  if (encrypted !== true || authorized === true) return null;
  return String(authorizationError);
}

type Reason = Omit<Reply & { readonly kind: "failed" }, "kind">;

function toReason(error: Error): Reason {
  const { message } = error;
  const code = "code" in error ? String(error.code) : "";
  if (/^(?:ENOTFOUND|EAI_)/.test(code)) return { reason: "dns", message };
  if (/^(?:ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)$/.test(code)) return { reason: "refused", message };
  if (code === "ETIMEDOUT" || code === "ABORT_ERR" || error.name === "AbortError")
    return { reason: "timeout", message: "no answer in time" };
  if (/^(?:ERR_SSL|ERR_TLS|EPROTO)/.test(code)) return { reason: "tls", message };
  return { reason: "cut", message };
}
