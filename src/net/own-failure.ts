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
