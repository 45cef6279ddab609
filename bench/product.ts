import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { stringify } from "yaml";
import { type BenchChild, type ChildOptions, startChild } from "./child.ts";
import { openFakeEngine } from "./fake-engine.ts";
import { aliasOf, hostOf } from "./hook-request.ts";
import { serverFlags } from "./load.ts";

/** nodoff under test: servers/product.ts in a process of its own. */
export interface Product extends BenchChild<{ readonly port: number }> {
  /** Path of its configuration, until it is closed. */
  readonly config: string;
  /** Requests it has allowed, by its own metrics. */
  allowed(): Promise<number>;
  /** Workloads that are ready. */
  ready(): Promise<number>;
  /** Value of one line of `/metrics`; 0 while there is none. */
  metric(line: string): Promise<number>;
}

export type ProductOptions = Omit<ChildOptions, "args">;

const readyTimeoutMs = 120_000;
/** Less CPU than that within a second is nobody at work. */
const idleUsPerS = 50_000;

/** Starts nodoff with `config` (every key but where it listens and what it keeps) and waits until it is ready. */
export async function startProduct(config: object, options: ProductOptions = {}): Promise<Product> {
  const folder = await tempFolder();
  const file = join(folder.path, "nodoff.yaml");
  const fixed = {
    listen: { hook: "127.0.0.1:0" },
    state_dir: join(folder.path, "state"),
    metrics: { public: true },
    log: { level: "info", format: "json" },
  };
  await writeFile(file, stringify({ ...fixed, ...config }, { aliasDuplicateObjects: false }));
  const nodeFlags = [...serverFlags, ...(options.nodeFlags ?? [])];
  const child = await startChild<{ port: number }>("servers/product.ts", { ...options, nodeFlags, args: [file] });
  const origin = `http://127.0.0.1:${child.self.port}`;
  await until("nodoff ready", async () => (await fetch(`${origin}/readyz`)).ok);
  const scrape = async (): Promise<string> => (await fetch(`${origin}/metrics`)).text();
  const sum = async (lines: RegExp): Promise<number> =>
    (await scrape()).matchAll(lines).reduce((total, [, value]) => total + Number(value), 0);
  return {
    ...child,
    config: file,
    allowed: () => sum(/^nodoff_hook_decisions_total\{.*decision="allow"\} (\d+)$/gm),
    ready: () => sum(/^nodoff_workload_state\{.*state="ready"\} (\d+)$/gm),
    async metric(line) {
      const found = (await scrape()).split("\n").find((text) => text.startsWith(`${line} `));
      return found === undefined ? 0 : Number(found.slice(line.length + 1));
    },
    async [Symbol.asyncDispose]() {
      await child[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** CPU in microseconds of what `product` held back since it was asked to hold: the work of one minute. */
export async function minutesWork(product: Product): Promise<number> {
  const before = await product.ask<number>("cpu");
  await product.ask("release");
  for (let last = before; ;) {
    await delay(1_000);
    const now = await product.ask<number>("cpu");
    if (now - last < idleUsPerS) return now - before;
    last = now;
  }
}

/** A folder of its own, removed with everything in it. */
export async function tempFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "nodoff-bench-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Asks again every 100 ms until `isSo`. */
async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + readyTimeoutMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await delay(100);
  }
}

/** `count` doors to something that never sleeps. Nothing answers there, so nobody checks it. */
export function neverSleeping(count: number): object {
  return watchedDoors(count, { upstream: "http://127.0.0.1:9", health: { disabled: true } });
}

/** The same, each with these keys. */
export function watchedDoors(count: number, keys: { readonly upstream: string; readonly health: object }): object {
  const routes: Record<string, object> = {};
  for (let n = 0; n < count; n++) routes[aliasOf(n)] = { host: hostOf(n), ...keys };
  return { providers: { here: { type: "process" } }, routes };
}

/** nodoff with `count` workloads that an engine says are running, so that each is ready. */
export async function startReadyWorkloads(count: number, options: ProductOptions = {}): Promise<Product> {
  const folder = await tempFolder();
  const names = Array.from({ length: count }, (_, n) => aliasOf(n));
  const engine = await openFakeEngine(join(folder.path, "engine.sock"), { names, running: true });
  const workloads: Record<string, object> = {};
  for (const [n, name] of names.entries()) {
    const health = { disabled: true };
    workloads[name] = { container: name, host: hostOf(n), upstream: "http://127.0.0.1:9", health };
  }
  const product = await startProduct({ providers: { local: { type: "docker", url: engine.url } }, workloads }, options);
  await until("every workload ready", async () => (await product.ready()) === count);
  return {
    ...product,
    async [Symbol.asyncDispose]() {
      await product[Symbol.asyncDispose]();
      engine[Symbol.dispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
