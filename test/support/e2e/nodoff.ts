import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { type Child, freePort, startChild, until } from "./child.ts";

/** A line of nodoff's JSON log. */
export interface NodoffLine {
  readonly level: string;
  readonly message: string;
  readonly context?: Readonly<Record<string, unknown>>;
}

/** A nodoff of its own process, as users run it. */
export interface Nodoff {
  /** Where the hook listens. */
  readonly port: number;
  readonly child: Child;
  /** Log lines so far. */
  log(): readonly NodoffLine[];
  /** Resolves with the first matching line, of those logged already (after `from` of them) or to come. */
  logged(matches: (line: NodoffLine) => boolean, what: string): Promise<NodoffLine>;
  /** GET on the API, with the admin token; with a body, POST. */
  api(path: string, body?: object): Promise<unknown>;
  /** State of a workload, as the API says it. */
  state(alias: string): Promise<string>;
  /** Resolves once the workload is in that state. */
  inState(alias: string, state: string): Promise<void>;
  /** Ends it and starts it again at the same port with the same state; resolves once it is ready. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

const main = fileURLToPath(new URL("../../../src/main.ts", import.meta.url));
/** The admin token of `startNodoff`. */
export const adminToken = "e2e-admin-token-0123456789abcdef";

/** Everything of nodoff.yaml but where the hook listens, the log, the token and the state directory. */
export type NodoffConfig = Readonly<Record<string, unknown>> & { readonly listen?: Readonly<Record<string, unknown>> };

/** Starts `node src/main.ts serve --config …` and waits until it says it is ready. */
export async function startNodoff(config: NodoffConfig, env: Readonly<Record<string, string>> = {}): Promise<Nodoff> {
  const directory = await mkdtemp(join(tmpdir(), "nodoff-e2e-"));
  const port = await freePort();
  const file = join(directory, "nodoff.yaml");
  const whole = {
    ...config,
    listen: { hook: `127.0.0.1:${port}`, ...config.listen },
    state_dir: join(directory, "state"),
    log: { level: "debug", format: "json" },
    admin: { token: adminToken },
  };
  await writeFile(file, stringify(whole));
  const origin = `http://127.0.0.1:${port}`;
  const start = (): Promise<Child> => startReady(origin, ["serve", "--config", file], env);
  let child = await start().catch(async (error: unknown) => {
    await rm(directory, { recursive: true, force: true });
    throw error;
  });
  const earlier: string[] = [];

  async function api(path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${origin}/api/v1${path}`, {
      headers: { Authorization: `Bearer ${adminToken}`, "Content-Type": "application/json" },
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }
  const state = async (alias: string): Promise<string> =>
    ((await api(`/workloads/${alias}`)) as { readonly state: string }).state;

  return {
    port,
    get child() {
      return child;
    },
    api,
    state,
    log: () => [...earlier, ...child.lines].flatMap(toLine),
    logged: async (matches, what) => toLine(await child.line((text) => toLine(text).some(matches), what))[0]!,
    inState: async (alias, wanted) => {
      let is = "not known";
      await until(`${alias} ${wanted}`, async () => {
        // What labels declare is there once the engine was asked.
        is = await state(alias).catch((error: Error) => {
          if (!error.message.includes(": 404 ")) throw error;
          return "not known";
        });
        return is === wanted ? true : undefined;
      }).catch((error: Error) => {
        throw new Error(`${error.message}: it is ${is}`, { cause: error });
      });
    },
    restart: async () => {
      await child.close();
      earlier.push(...child.lines);
      child = await start();
    },
    close: async () => {
      await child.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** On a machine that runs three test files and their containers at once. */
const startPatienceMs = 60_000;

/** Starts it and waits until it is ready. */
async function startReady(
  origin: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Child> {
  const child = await startChild(process.execPath, [main, ...args], { env });
  const exited = { code: null as number | NodeJS.Signals | null };
  void child.ended.then((code) => (exited.code = code));
  await until(
    "nodoff ready",
    async () => {
      if (exited.code !== null) throw new Error(`nodoff ended with ${exited.code}\n${child.lines.join("\n")}`);
      const answer = await fetch(`${origin}/readyz`).catch(() => undefined);
      return answer?.status === 200 ? true : undefined;
    },
    startPatienceMs,
  ).catch(async (error: unknown) => {
    await child.close();
    throw new Error(`${String(error)}\n${child.lines.slice(-30).join("\n")}`, { cause: error });
  });
  return child;
}

/** A log line, or nothing where the text is none (a warning of Node's). */
function toLine(text: string): readonly NodoffLine[] {
  if (!text.startsWith("{")) return [];
  try {
    return [JSON.parse(text) as NodoffLine];
  } catch {
    return [];
  }
}
