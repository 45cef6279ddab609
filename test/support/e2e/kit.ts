import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** A file of a kit as it is shipped: `nginx/site-host.conf`. */
export function readKit(path: string): Promise<string> {
  return readFile(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), "utf8");
}

/**
 * The kit's file with this machine's addresses in the places where a user writes theirs. Every text to replace must be
 * there: a test of a file that no longer says it would test something else.
 */
export function adapt(text: string, replacements: Readonly<Record<string, string>>): string {
  let adapted = text;
  for (const [from, to] of Object.entries(replacements)) {
    if (!adapted.includes(from)) throw new Error(`the kit does not say ${from}`);
    adapted = adapted.replaceAll(from, to);
  }
  return adapted;
}

/** What the READMEs say to do to switch a part on: take the marks away. */
export function switchOn(mark: "fail-open" | "cached", text: string): string {
  return adapt(text, { [`# ${mark}: `]: "" });
}

/** An app as a proxy's configuration names it. */
export interface Site {
  /** Alias of the route in nodoff. */
  readonly alias: string;
  readonly host: string;
  /** host:port of the app as the proxy reaches it. */
  readonly address: string;
  /** The proxy asks for name and password (`login` of login.ts) before it asks nodoff. */
  readonly login?: boolean;
}

/** A proxy, listening. */
export interface Door {
  readonly port: number;
  close(): Promise<void>;
}
