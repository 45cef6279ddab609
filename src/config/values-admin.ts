import { parsePasswordHash } from "../core/password-hash.ts";
import type { PasswordHash } from "../core/password-hash.ts";
import { bad, good, textReader } from "./readers.ts";
import type { Reader } from "./readers.ts";
import { leaf } from "./shape.ts";

/** A password as `nodoff hash-password` prints it; never repeated by an error message. */
export function passwordHash() {
  const read: Reader<PasswordHash> = (value) => {
    const parsed = typeof value === "string" ? parsePasswordHash(value) : null;
    return parsed === null ? bad("is not a password hash: `nodoff hash-password` makes one") : good(parsed);
  };
  return leaf(read, { type: "string", pattern: "^scrypt:|\\$\\{" });
}

/** The name of an HTTP header (RFC 9110 token). */
export function headerName() {
  const parse = (given: string): string | undefined =>
    /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/.test(given) ? given : undefined;
  return leaf(textReader(parse, "the name of a header"), { type: "string" });
}
