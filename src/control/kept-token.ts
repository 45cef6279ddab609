import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const fileName = "admin-token";
const tokenBytes = 32;

/** The token nodoff made for itself in `state_dir`; null = there is none, or it may not be read. */
export function readKeptToken(stateDir: string): string | null {
  try {
    const text = readFileSync(join(stateDir, fileName), "utf8").trim();
    return text === "" ? null : text;
  } catch {
    return null;
  }
}

/** A token for a nodoff that was given none. `problem`: it could not be kept, and is another one at the next start. */
export interface KeptToken {
  readonly token: string;
  readonly problem: string | null;
}

/** Reads the token of an earlier start, or makes one that only the owner of `state_dir` may read (0600). */
export function keepToken(stateDir: string): KeptToken {
  const known = readKeptToken(stateDir);
  if (known !== null) return { token: known, problem: null };
  const token = randomBytes(tokenBytes).toString("base64url");
  try {
    mkdirSync(stateDir, { recursive: true });
    write(join(stateDir, fileName), token);
    return { token, problem: null };
  } catch (error) {
    return { token, problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Whole or not at all: a crash leaves no half token. */
function write(file: string, token: string): void {
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    writeFileSync(draft, `${token}\n`, { mode: 0o600, flag: "wx" });
    renameSync(draft, file);
  } finally {
    rmSync(draft, { force: true });
  }
}
