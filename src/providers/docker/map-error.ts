import { stat } from "node:fs/promises";
import { NodoffError } from "../../core/errors.ts";
import type { Endpoint } from "./endpoint.ts";

/** The call that failed, for the message. */
export interface FailedCall {
  /** As a socket proxy's allow list writes it: `POST /containers/{id}/start`. */
  readonly call: string;
  readonly endpoint: Endpoint;
  /** The call's own signal: once aborted, that is the reason whatever the library says. */
  readonly signal: AbortSignal;
}

/** What dockerode throws: a plain Error with one of two sets of extra fields. */
interface LibraryError {
  readonly statusCode?: number;
  readonly code?: string;
  readonly json?: unknown;
  readonly message?: string;
}

const maxText = 500;
const forbidden = new Set(["EACCES", "EPERM"]);

/** Translates whatever a call to the engine threw. Never rejects. */
export async function toProviderError(error: unknown, failed: FailedCall): Promise<NodoffError> {
  if (error instanceof NodoffError) return error;
  const { call, endpoint, signal } = failed;
  const options = { cause: error };
  if (signal.aborted) {
    return new NodoffError("PROVIDER_UNAVAILABLE", `${endpoint.shown} did not answer ${call} in time`, options);
  }
  const { statusCode, code, message } = error as LibraryError;
  if (statusCode !== undefined) return fromStatus(statusCode, error as LibraryError, failed);
  if (code !== undefined && forbidden.has(code) && endpoint.kind === "unix") {
    return new NodoffError("PROVIDER_FORBIDDEN", await socketAdvice(endpoint.socketPath), options);
  }
  const why = code ?? message ?? String(error);
  return new NodoffError("PROVIDER_UNAVAILABLE", `the engine at ${endpoint.shown} is not reachable (${why})`, options);
}

/** How to get at a socket that may not be opened: the very line to add. */
async function socketAdvice(socketPath: string): Promise<string> {
  const text = `no right to open ${socketPath}`;
  try {
    const { gid } = await stat(socketPath);
    return `${text}: add its group to nodoff's service: group_add: ["${gid}"]`;
  } catch {
    // A folder on the way is closed: no group of the socket helps.
    return `${text}, nor to look at it`;
  }
}

function fromStatus(status: number, error: LibraryError, { call, endpoint }: FailedCall): NodoffError {
  const text = engineText(error);
  const options = { cause: error };
  if (status === 401 || status === 403) {
    const message = `${endpoint.shown} refuses ${call}: allow it there (socket proxy or authorization plugin)`;
    return new NodoffError("PROVIDER_FORBIDDEN", message, options);
  }
  // A proxy before an engine that is away.
  if (status >= 502 && status <= 504) {
    return new NodoffError("PROVIDER_UNAVAILABLE", `${endpoint.shown} answered ${status} to ${call}`, options);
  }
  return new NodoffError(codeOf(status, text), toMessage(text), options);
}

/** The engine's own words, or at least the status. For streams dockerode keeps them in its message alone. */
function engineText({ json, statusCode, message = "" }: LibraryError): string {
  if (typeof json === "object" && json !== null && "message" in json && typeof json.message === "string") {
    return json.message.trim();
  }
  const text = /^\(HTTP code \d+\) .*? - (.*)$/s.exec(message)?.[1]?.trim() ?? "";
  // A page of a proxy, or bytes nobody read.
  return text === "" || text.startsWith("<") || text.startsWith("[object")
    ? `status ${statusCode}`
    : text.slice(0, maxText);
}

const portTaken = /port is already allocated|address already in use/i;
const networkGone = /network .*not found/i;
/** Only about the command itself: a failed mount is an OCI error with "no such file" too. */
const badCommand = /exec: |exec format error|executable file|command that was not found/i;

function codeOf(
  status: number,
  text: string,
): "PORT_CONFLICT" | "NETWORK_MISSING" | "GONE" | "BAD_COMMAND" | "ENGINE_ERROR" {
  if (portTaken.test(text)) return "PORT_CONFLICT";
  // The engine says 404 for this as well, and dockerode calls every 404 a missing container.
  if (networkGone.test(text)) return "NETWORK_MISSING";
  if (status === 404) return "GONE";
  return badCommand.test(text) ? "BAD_COMMAND" : "ENGINE_ERROR";
}

function toMessage(text: string): string {
  if (!portTaken.test(text)) return text;
  const port = /:(\d{1,5})(?:\/\w+)?(?: failed|: bind|: address)/.exec(text)?.[1];
  return port === undefined ? text : `host port ${port} is taken: ${text}`;
}
