import { createHash, timingSafeEqual } from "node:crypto";

/** Whether two texts are the same, in a time that tells nothing of them, their lengths included. */
export function isSame(given: string | Buffer, secret: string): boolean {
  return timingSafeEqual(digest(given), digest(secret));
}

/** A fingerprint that may be kept where the secret itself should not be. */
export function fingerprint(secret: string): string {
  return digest(secret).toString("base64url");
}

function digest(value: string | Buffer): Buffer {
  return createHash("sha256").update(value).digest();
}
