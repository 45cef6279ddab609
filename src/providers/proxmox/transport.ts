import { createHash } from "node:crypto";
import { connect as connectTls } from "node:tls";
import type { TLSSocket } from "node:tls";
import { Agent, buildConnector, request } from "undici";
import { toServerName, withoutBrackets } from "../../net/dial.ts";
import { PveError } from "./pve-error.ts";

/** How the server's certificate is judged. */
export type PveTrust =
  /** Signed by a CA this machine knows. */
  | { readonly kind: "system" }
  /** PEM text of the CA, such as /etc/pve/pve-root-ca.pem. */
  | { readonly kind: "ca"; readonly ca: string }
  /** SHA-256 of the very certificate, as `AA:BB:…` or plain hexadecimal digits. */
  | { readonly kind: "fingerprint"; readonly fingerprint: string }
  | { readonly kind: "insecure" };

export interface WireRequest {
  readonly origin: string;
  /** From `/api2/json` on, with its query. */
  readonly path: string;
  readonly method: "GET" | "POST" | "DELETE" | "PUT";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

export interface WireAnswer {
  readonly status: number;
  /** The reason phrase: where Proxmox VE says what is wrong. Empty through a proxy that speaks HTTP/2. */
  readonly reason: string;
  readonly text: string;
}

/** HTTPS to the nodes. */
export interface Transport {
  /** Rejects with PveError `unreachable` when nothing was sent, else `broken`; with the signal's reason on abort. */
  send(request: WireRequest, signal: AbortSignal): Promise<WireAnswer>;
  close(): Promise<void>;
}

const connectTimeoutMs = 5_000;
/** pveproxy closes after 5 s: a connection older than this is not used again. */
const keepAliveMs = 3_000;
const connections = 8;

/** Opens nothing until the first request. HTTP/1.1 alone: HTTP/2 has no reason phrases. */
export function openTransport(trust: PveTrust): Transport {
  const notSent = new WeakSet<Error>();
  const connect = toConnector(trust);
  const agent = new Agent({
    allowH2: false,
    connections,
    pipelining: 1,
    keepAliveTimeout: keepAliveMs,
    keepAliveMaxTimeout: keepAliveMs,
    // The client has deadlines of its own, by nodoff's clock.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (options, callback) =>
      connect(options, (...result) => {
        if (result[0] !== null) notSent.add(result[0]);
        callback(...result);
      }),
  });
  return {
    async send({ origin, path, method, headers, body }, signal) {
      try {
        const answer = await request(origin + path, {
          dispatcher: agent,
          method,
          headers: { ...headers },
          body,
          signal,
        });
        return { status: answer.statusCode, reason: answer.statusText, text: await answer.body.text() };
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        const sent = !(error instanceof Error && notSent.has(error));
        throw await toWireError(error, { origin, sent });
      }
    },
    close: () => agent.destroy(),
  };
}

function toConnector(trust: PveTrust): ReturnType<typeof buildConnector> {
  const base = { timeout: connectTimeoutMs, allowH2: false, maxCachedSessions: 0 };
  switch (trust.kind) {
    case "system":
      return buildConnector(base);
    case "ca":
      return buildConnector({ ...base, ca: trust.ca });
    case "insecure":
      return buildConnector({ ...base, rejectUnauthorized: false });
    case "fingerprint": {
      const wanted = normalFingerprint(trust.fingerprint);
      const connect = buildConnector({ ...base, rejectUnauthorized: false });
      return (options, callback) =>
        connect(options, (...result) => {
          const [error, socket] = result;
          if (error !== null) return callback(error, null);
          const found = fingerprintOf(socket as TLSSocket);
          if (normalFingerprint(found) === wanted) return callback(null, socket);
          socket.destroy();
          callback(new FingerprintError(found), null);
        });
    }
  }
}

/** The server shows another certificate than the pinned one. */
class FingerprintError extends Error {
  override readonly name = "FingerprintError";
  readonly found: string;
  constructor(found: string) {
    super(`the certificate's fingerprint is ${found}`);
    this.found = found;
  }
}

/** Without colons, in capitals. */
function normalFingerprint(text: string): string {
  return text.replaceAll(":", "").toUpperCase();
}

function fingerprintOf(socket: TLSSocket): string {
  const { raw } = socket.getPeerCertificate();
  const hex = createHash("sha256").update(raw).digest("hex").toUpperCase();
  return hex.replaceAll(/(..)(?=.)/g, "$1:");
}

const untrusted = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "CERT_SIGNATURE_FAILURE",
]);

async function toWireError(
  error: unknown,
  { origin, sent }: { readonly origin: string; readonly sent: boolean },
): Promise<PveError> {
  const options = { cause: error };
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (sent) return new PveError("broken", `${origin} broke the connection before its answer was complete`, options);
  if (error instanceof FingerprintError) {
    const text = `${origin} shows another certificate than the pinned one`;
    const mend = `if it was renewed, set \`fingerprint: "${error.found}"\` after comparing it with \`pvenode cert info\` on the node`;
    return new PveError("unreachable", `${text}: ${mend}`, options);
  }
  if (untrusted.has(code)) {
    const found = await peekFingerprint(origin);
    const pin = found === null ? "fingerprint: …" : `fingerprint: "${found}"`;
    const mend = `set \`ca_file\` to a copy of the cluster's /etc/pve/pve-root-ca.pem, or \`${pin}\` after comparing it with \`pvenode cert info\` on the node`;
    return new PveError(
      "unreachable",
      `the certificate of ${origin} is signed by a CA nobody here knows: ${mend}`,
      options,
    );
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    const mend = "use a name or address that is in it, or pin it by `fingerprint`";
    return new PveError("unreachable", `the certificate of ${origin} is not for this name: ${mend}`, options);
  }
  if (code === "CERT_HAS_EXPIRED") {
    const mend = "renew it on the node: `pvecm updatecerts --force && systemctl restart pveproxy`";
    return new PveError("unreachable", `the certificate of ${origin} has expired: ${mend}`, options);
  }
  return new PveError("unreachable", `${origin} is not reachable${reasonOf(origin, code, error)}`, options);
}

function reasonOf(origin: string, code: string, error: unknown): string {
  const { port } = new URL(origin);
  const usual = port === "8006" ? "" : `; Proxmox VE listens on port 8006, not ${port || "443"}`;
  switch (code) {
    case "ECONNREFUSED":
      return `: nothing listens there${usual}`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return ": its name cannot be resolved";
    case "EPROTO":
    case "ERR_SSL_WRONG_VERSION_NUMBER":
      return `: it does not speak TLS there${usual}`;
    case "UND_ERR_CONNECT_TIMEOUT":
    case "ETIMEDOUT":
      return `: it does not answer (powered off, or a firewall drops it)${usual}`;
    default: {
      const text = error instanceof Error ? error.message : String(error);
      return ` (${code === "" || text.includes(code) ? text : `${code}: ${text}`})${usual}`;
    }
  }
}

/** The certificate's fingerprint, read without trusting anything, for the message alone. */
async function peekFingerprint(origin: string): Promise<string | null> {
  const url = new URL(origin);
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const socket = connectTls({
    host: withoutBrackets(url.hostname),
    port: url.port === "" ? 443 : Number(url.port),
    servername: toServerName(url),
    rejectUnauthorized: false,
  });
  socket.setTimeout(connectTimeoutMs, () => socket.destroy());
  socket.once("secureConnect", () => {
    resolve(fingerprintOf(socket));
    socket.destroy();
  });
  socket.once("error", () => resolve(null));
  socket.once("close", () => resolve(null));
  return promise;
}
