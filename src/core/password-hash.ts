/** The parts of a password hash as `admin.users` holds it: what scrypt (RFC 7914) is asked with, and what it gave. */
export interface PasswordHash {
  /** scrypt's N, r and p. */
  readonly cost: number;
  readonly blockSize: number;
  readonly parallel: number;
  /** base64url, without padding. */
  readonly salt: string;
  readonly hash: string;
}

const form = /^scrypt:(\d{1,7}):(\d{1,2}):(\d{1,2}):([\w-]{16,128}):([\w-]{32,128})$/;
/** scrypt needs 128 · N · r bytes: a hash that somebody mistyped must not take all memory. */
const mostBytes = 128 * 1024 * 1024;
const leastCost = 1024;

/** Reads `scrypt:N:r:p:salt:hash`; null = it is none, or asks for too little or too much work. */
export function parsePasswordHash(text: string): PasswordHash | null {
  const [, n, r, p, salt = "", hash = ""] = form.exec(text) ?? [];
  const [cost, blockSize, parallel] = [Number(n), Number(r), Number(p)];
  const isPowerOfTwo = Number.isInteger(Math.log2(cost));
  if (!isPowerOfTwo || cost < leastCost || blockSize < 1 || parallel < 1 || parallel > 16) return null;
  if (128 * cost * blockSize > mostBytes) return null;
  return { cost, blockSize, parallel, salt, hash };
}

export function formatPasswordHash({ cost, blockSize, parallel, salt, hash }: PasswordHash): string {
  return `scrypt:${cost}:${blockSize}:${parallel}:${salt}:${hash}`;
}
