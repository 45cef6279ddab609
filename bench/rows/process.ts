import { execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { neverSleeping, tempFolder } from "../product.ts";
import { atMost, hopedFor, information, type Row, type RowOptions, type RowResult } from "../row.ts";

/** What the process itself costs, as it is shipped: bundled, with V8's compiled code kept. */
export const processItself: Row = {
  name: "process",
  title: "The process: start and idle memory, bundled",
  skip: () => Promise.resolve(process.platform === "linux" ? null : "needs /proc"),
  run,
};

/** One start of a server. */
interface Start {
  /** From its spawning to its listening. */
  readonly readyMs: number;
  /** CPU until then. */
  readonly cpuMs: number;
  /** Resident, some seconds later. */
  readonly rssMb: number;
}

/** Until what a start leaves behind is collected. */
const idleMs = 3_000;
const startTimeoutMs = 60_000;
const bare = `require("node:http").createServer((_, res) => res.end()).listen(0, "127.0.0.1", () => console.log("listening"))`;
/** What the image sets for memory; both servers have it. */
const image = fileURLToPath(new URL("../../Dockerfile", import.meta.url));
const arenas = /MALLOC_ARENA_MAX=(\d+)/.exec(readFileSync(image, "utf8"))?.[1];
const shippedEnv = arenas === undefined ? {} : { MALLOC_ARENA_MAX: arenas };
const packaging = fileURLToPath(new URL("../../scripts/package.ts", import.meta.url));

async function run({ quick, again }: RowOptions): Promise<RowResult> {
  await using folder = await tempFolder();
  const shipped = join(folder.path, "package");
  await promisify(execFile)(process.execPath, [packaging, shipped]);
  const serve = async (count: number): Promise<() => Promise<Start>> => {
    const file = join(folder.path, `${count}.yaml`);
    const fixed = { listen: { hook: "127.0.0.1:0" }, state_dir: join(folder.path, `state-${count}`) };
    const log = { level: "info", format: "json" };
    const admin = { token: "bench-admin-token-0123456789abcdef" };
    await writeFile(file, stringify({ ...fixed, log, admin, ...neverSleeping(count) }));
    const args = [join(shipped, "dist", "main.cjs"), "serve", "--config", file];
    return () => startOnce(args, join(folder.path, "cache"));
  };
  const kinds = { bare: () => startOnce(["--eval", bare], null), one: await serve(1), many: await serve(10_000) };
  // Leaves the compiled code behind.
  await kinds.one();
  const starts: Record<keyof typeof kinds, Start[]> = { bare: [], one: [], many: [] };
  for (let round = 0; round < (quick ? 3 : again ? 20 : 10); round++) {
    starts.bare.push(await kinds.bare());
    starts.one.push(await kinds.one());
    if (round % 3 === 0) starts.many.push(await kinds.many());
  }
  const ratio = (key: "readyMs" | "cpuMs"): number[] =>
    starts.one.map((start, n) => start[key] / (starts.bare[n]?.[key] ?? Number.NaN));
  const bareMb = starts.bare.reduce((sum, { rssMb }) => sum + rssMb, 0) / starts.bare.length;
  const over = (found: readonly Start[]): number[] => found.map(({ rssMb }) => rssMb - bareMb);
  return {
    figures: [
      atMost("start until it listens, of bare node:http", "x", ratio("readyMs"), 4),
      information("CPU until it listens, of bare node:http", "x", ratio("cpuMs")),
      information(
        "start until it listens",
        "ms",
        starts.one.map(({ readyMs }) => readyMs),
      ),
      hopedFor("idle memory with one route, over bare node:http", "MB", over(starts.one), { is: "at most", value: 30 }),
      hopedFor("idle memory with 10,000 routes, over bare", "MB", over(starts.many), { is: "at most", value: 45 }),
      information(
        "idle memory of bare node:http",
        "MB",
        starts.bare.map(({ rssMb }) => rssMb),
      ),
    ],
    notes: [`${starts.bare.length} starts of each in turn; resident memory ${idleMs / 1_000} s after it listens`],
  };
}

async function startOnce(args: readonly string[], cache: string | null): Promise<Start> {
  const begun = performance.now();
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...shippedEnv, ...(cache === null ? {} : { NODE_COMPILE_CACHE: cache }) },
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  try {
    await listening(createInterface({ input: child.stdout }));
    const readyMs = performance.now() - begun;
    const cpuMs = await cpuOf(child.pid);
    await delay(idleMs);
    const status = await readFile(`/proc/${child.pid}/status`, "utf8");
    return { readyMs, cpuMs, rssMb: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024 };
  } finally {
    child.kill();
    await ended;
  }
}

/** What follows is read as well: a full pipe would stop the server. */
function listening(lines: ReturnType<typeof createInterface>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("it does not listen")), startTimeoutMs);
    lines.on("close", () => reject(new Error("it ended before it listened")));
    lines.on("line", (line) => {
      if (!line.includes("listening")) return;
      clearTimeout(timer);
      resolve();
    });
  });
}

/** User and system time of all its threads so far; the kernel counts in hundredths of a second. */
async function cpuOf(pid: number | undefined): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // The name, in brackets, may hold spaces.
  const [, user = 0, system = 0] = /\) \S+(?: \S+){10} (\d+) (\d+)/.exec(stat) ?? [];
  return (Number(user) + Number(system)) * 10;
}
