/**
 * Failures to connect that say something about us or the configuration, and nothing about who should have answered: a
 * name that is not known, no socket or route to be had here.
 */
const codes: ReadonlySet<string> = new Set([
  "ENOTFOUND",
  "EAI_AGAIN",
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
  "EADDRNOTAVAIL",
  "ENETUNREACH",
  "EACCES",
]);

export function isOwnFailure(error: unknown): boolean {
  return error instanceof Error && "code" in error && codes.has(String(error.code));
}

/** Why a connection or its answer failed, in a few words for people. */
export function toReason(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return "connection refused";
    case "ECONNRESET":
    case "EPIPE":
      return "connection reset";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return "host not reachable";
    case "ETIMEDOUT":
      return "connection timed out";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "host name not known";
    default:
      return error.message === "" ? (error.code ?? "connection failed") : error.message;
  }
}
