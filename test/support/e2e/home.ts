import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { type Child, freePort, startChild, until } from "./child.ts";
import type { AtEnd } from "./ends.ts";
import type { Nodoff, NodoffConfig, NodoffLine } from "./nodoff.ts";

/** A nodoff whose log is read from a moment on: the same words are logged before and after a reload. */
export interface Served extends Omit<Nodoff, "restart"> {
  /** The log as it is now, for `loggedSince`. */
  mark(): number;
  /** As `logged`, of lines written after `mark`. */
  loggedSince(mark: number, matches: (line: NodoffLine) => boolean, what: string): Promise<NodoffLine>;
  /** Any path of the control listener, with the admin token. */
  get(path: string): Promise<{ readonly status: number; readonly text: string }>;
}

/** A folder with nodoff's file and state that outlives its processes: for reloads, crashes and restarts. */
export interface Home {
  readonly directory: string;
  readonly file: string;
  /** Where the hook listens, run after run. */
  readonly port: number;
  /** Replaces nodoff.yaml in one step. Text is written as it is; what a mapping leaves out is as in `startNodoff`. */
  write(config: NodoffConfig | string): Promise<void>;
  /** Starts nodoff on the file; resolves once it listens, whether or not its engines answer. Ended at the end. */
  serve(env?: Readonly<Record<string, string>>): Promise<Served>;
}

const main = fileURLToPath(new URL("../../../src/main.ts", import.meta.url));
export const adminToken = "e2e-admin-token-0123456789abcdef";

export async function openHome(atEnd: AtEnd, config?: NodoffConfig | string): Promise<Home> {
  const directory = await mkdtemp(join(tmpdir(), "nodoff-e2e-"));
  const file = join(directory, "nodoff.yaml");
  const port = await freePort();
  atEnd(() => rm(directory, { recursive: true, force: true }));
  const home: Home = {
    directory,
    file,
    port,
    async write(next) {
      await writeFile(`${file}.new`, typeof next === "string" ? next : stringify(toWhole(next, home)));
      await rename(`${file}.new`, file);
    },
    async serve(env = {}) {
      const child = await startChild(process.execPath, [main, "serve", "--config", file], { env });
      atEnd(() => child.close());
      await child.line((line) => toLine(line)?.message === "listening", "line that says it listens");
      return toServed(child, port);
    },
  };
  if (config !== undefined) await home.write(config);
  return home;
}

/** Runs one nodoff command to its end. */
export async function runNodoff(
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly cwd?: string } = {},
): Promise<{ readonly code: number | NodeJS.Signals; readonly lines: readonly string[] }> {
  const child = await startChild(process.execPath, [main, ...args], options);
  const code = await child.ended;
  return { code, lines: child.lines };
}

function toWhole(config: NodoffConfig, { directory, port }: Home): object {
  return {
    log: { level: "debug", format: "json" },
    admin: { token: adminToken },
    state_dir: join(directory, "state"),
    ...config,
    listen: { hook: `127.0.0.1:${port}`, ...config.listen },
  };
}

function toServed(child: Child, port: number): Served {
  const get: Served["get"] = async (path) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { Authorization: `Bearer ${adminToken}` },
    });
    return { status: answer.status, text: await answer.text() };
  };
  const api = async (path: string): Promise<unknown> => {
    const { status, text } = await get(`/api/v1${path}`);
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${text}`);
    return JSON.parse(text);
  };
  const state = async (alias: string): Promise<string> =>
    ((await api(`/workloads/${alias}`)) as { readonly state: string }).state;
  const loggedSince: Served["loggedSince"] = async (mark, matches, what) => {
    let index = 0;
    // Lines are offered in their order, first those written already.
    const text = await child.line((line) => index++ >= mark && toMatch(line, matches), what);
    return toLine(text)!;
  };
  return {
    port,
    child,
    get,
    api,
    state,
    log: () => child.lines.flatMap((line) => toLine(line) ?? []),
    mark: () => child.lines.length,
    loggedSince,
    logged: (matches, what) => loggedSince(0, matches, what),
    inState: async (alias, wanted) => {
      const look = async (): Promise<string | undefined> => {
        const { status, text } = await get(`/api/v1/workloads/${alias}`);
        // A container's labels are not read yet.
        return status === 200 ? (JSON.parse(text) as { readonly state: string }).state : undefined;
      };
      try {
        await until(`${alias} ${wanted}`, async () => ((await look()) === wanted ? true : undefined));
      } catch (error) {
        const tail = child.lines.slice(-30).join("\n");
        throw new Error(`${String(error)}; it is ${await look()}\n${tail}`, { cause: error });
      }
    },
    close: () => child.close(),
  };
}

function toMatch(text: string, matches: (line: NodoffLine) => boolean): boolean {
  const line = toLine(text);
  return line !== undefined && matches(line);
}

/** A log line; undefined where the text is none (a warning of Node's). */
function toLine(text: string): NodoffLine | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    return JSON.parse(text) as NodoffLine;
  } catch {
    return undefined;
  }
}
