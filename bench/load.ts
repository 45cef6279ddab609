import { type BenchChild, startChild } from "./child.ts";
import type { ClosedLoad, ClosedResult } from "./clients/hook.ts";
import type { Variant } from "./rounds.ts";

/** A server under test: tells its port and its CPU time. */
export type Server = BenchChild<{ readonly port: number }>;

/** Of every server under test. */
export const serverFlags: readonly string[] = ["--expose-gc"];

export interface Load extends AsyncDisposable {
  /** Measures `server` under load. Counts what it asked for. */
  variant(name: string, server: Server, hosts: number): Variant & { readonly asked: () => number };
  /** Asks `server` for each of the hosts once; throws unless every answer is right. */
  check(server: Server, hosts: number): Promise<void>;
}

/** Connections at a time (design: c=32). */
const connections = 32;
/** About a tenth of a second: a machine that changes its speed does so more slowly, mostly. */
const requests = 4_000;
/** So many measurements, until the compiler has settled. */
const warmUps = 15;

/** A client process of its own, so that what it costs is not counted. */
export async function openLoad(): Promise<Load> {
  const client = await startChild<object>("clients/hook.ts");
  return {
    variant(name, server, hosts) {
      let asked = 0;
      const load: ClosedLoad = { port: server.self.port, hosts, connections, requests };
      return {
        name,
        asked: () => asked,
        settle: () => server.ask("settle"),
        async measure() {
          const before = await server.ask<number>("cpu");
          const { elapsedMs, p99Ms } = await client.ask<ClosedResult>("closed", load);
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

/** Until the compiler has seen the whole path, and nothing of all that came before is left to collect. */
export async function warmUp(variants: readonly Variant[]): Promise<void> {
  for (let time = 0; time < warmUps; time++) for (const { measure } of variants) await measure();
  for (const { settle } of variants) await settle();
  for (const { measure } of variants) await measure();
}
