import type { z } from "zod";
import { Workload } from "../../../src/control/schema.ts";
import { until } from "./child.ts";
import { adminToken, type Served } from "./home.ts";

/** What a test asks of a nodoff through its API. */
export interface Asker {
  workload(alias: string): Promise<Workload>;
  /** Resolves with the workload once `looksSo`. */
  when(alias: string, what: string, looksSo: (now: Workload) => boolean, patienceMs?: number): Promise<Workload>;
  /** POST /workloads/{alias}/{verb}. */
  post(alias: string, verb: string, body?: object): Promise<{ readonly status: number; readonly text: string }>;
  /** GET, checked against its documented shape. */
  get<T>(path: string, shape: z.ZodType<T>): Promise<T>;
}

export function createAsker(nodoff: Pick<Served, "port" | "api">): Asker {
  const workload = async (alias: string): Promise<Workload> => Workload.parse(await nodoff.api(`/workloads/${alias}`));
  return {
    workload,
    async when(alias, what, looksSo, patienceMs = 40_000) {
      let last: Workload | undefined;
      try {
        return await until(
          `${alias} ${what}`,
          async () => (looksSo((last = await workload(alias))) ? last : undefined),
          patienceMs,
        );
      } catch (error) {
        throw new Error(`${String(error)}; it is ${JSON.stringify(last)}`, { cause: error });
      }
    },
    async post(alias, verb, body = {}) {
      const answer = await fetch(`http://127.0.0.1:${nodoff.port}/api/v1/workloads/${alias}/${verb}`, {
        method: "POST",
        headers: { Authorization: `Bearer ${adminToken}`, "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
      return { status: answer.status, text: await answer.text() };
    },
    get: async (path, shape) => shape.parse(await nodoff.api(path)),
  };
}
