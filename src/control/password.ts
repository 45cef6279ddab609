import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { formatPasswordHash } from "../core/password-hash.ts";
import type { PasswordHash } from "../core/password-hash.ts";

/** About 16 MB and a fifth of a second: what OWASP's Password Storage Cheat Sheet asks of scrypt. */
const work = { cost: 16_384, blockSize: 8, parallel: 5 };
const saltBytes = 16;
const hashBytes = 32;

/** A password as `admin.users` holds it: `scrypt:N:r:p:salt:hash`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes).toString("base64url");
  const hash = await derive(password, { ...work, salt, hash: "" }, hashBytes);
  return formatPasswordHash({ ...work, salt, hash: hash.toString("base64url") });
}

/** Whether this is the password, in a time that tells nothing of it. */
export async function isPassword(password: string, known: PasswordHash): Promise<boolean> {
  const expected = Buffer.from(known.hash, "base64url");
  return timingSafeEqual(await derive(password, known, expected.length), expected);
}

/** To be compared with where there is no such user: a wrong name takes as long as a wrong password. */
export const nobodysHash: PasswordHash = { ...work, salt: "A".repeat(22), hash: "A".repeat(43) };

function derive(password: string, { cost, blockSize, parallel, salt }: PasswordHash, length: number): Promise<Buffer> {
  const options = { N: cost, r: blockSize, p: parallel, maxmem: 256 * cost * blockSize };
  // Composed as browsers and terminals may not: the same letters are the same password.
  const text = password.normalize("NFKC");
  return new Promise((resolve, reject) => {
    scrypt(text, Buffer.from(salt, "base64url"), length, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
