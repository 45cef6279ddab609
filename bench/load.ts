import { type BenchChild, startChild } from "./child.ts";
import type { ClosedLoad, ClosedResult } from "./clients/hook.ts";
import type { Variant } from "./rounds.ts";

/** A server under test: tells its port and its CPU time. */
export type Server = BenchChild<{ readonly port: number }>;

export interface Load extends AsyncDisposable {
  /** Measures `server` under load. Counts what it asked for. */
  variant(name: string, server: Server, hosts: number): Variant & { readonly asked: () => number };
  /** Asks `server` for each of the hosts once; throws unless every answer is right. */
  check(server: Server, hosts: number): Promise<void>;
}

/** Connections at a time (design: c=32). */
const connections = 32;

/** A client process of its own, so that what it costs is not counted. */
export async function openLoad(durationMs: number): Promise<Load> {
  const client = await startChild<object>("clients/hook.ts");
  return {
    variant(name, server, hosts) {
      let asked = 0;
      const load: ClosedLoad = { port: server.self.port, hosts, connections, durationMs };
      return {
        name,
        asked: () => asked,
        async measure() {
          const before = await server.ask<number>("cpu");
          const { requests, elapsedMs, p99Ms } = await client.ask<ClosedResult>("closed", load);
          const after = await server.ask<number>("cpu");
          asked += requests;
          return { cpuUs: (after - before) / requests, rps: (requests / elapsedMs) * 1000, p99Ms };
        },
      };
    },
    check: (server, hosts) => client.ask("check", { port: server.self.port, hosts }),
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

/** Long enough for the compiler to have seen the whole path. */
export async function warmUp(variants: readonly Variant[], times: number): Promise<void> {
  for (let time = 0; time < times; time++) for (const { measure } of variants) await measure();
}
