import type { ActivityApp } from "./activity-apps.ts";
import type { PreparedDoor } from "./activity-doors.ts";
import { follow, type Journalist } from "./activity-reasons.ts";
import { until } from "./child.ts";
import { ask } from "./client.ts";
import type { Door } from "./kit.ts";
import { type Nodoff, type NodoffConfig, startNodoff } from "./nodoff.ts";

/** One nodoff behind one proxy, with some apps, by alias. */
export interface Column {
  readonly nodoff: Nodoff;
  readonly door: Door;
  readonly reasons: Journalist;
  hostOf(alias: string): string;
  /** Asks until the app answers. */
  wake(alias: string): Promise<void>;
  close(): Promise<void>;
}

export const idleTimeoutMs = 5_000;
/** On a machine busy with other tests a wake may take longer than a request is held. */
const wakeTimeoutMs = 60_000;

/** `more` is added to nodoff.yaml. */
export async function openColumn(
  { config, open }: PreparedDoor,
  apps: ReadonlyMap<string, ActivityApp>,
  more: NodoffConfig = {},
): Promise<Column> {
  const hostOf = (alias: string): string => `${alias}.localhost`;
  const workloads = [...apps].map(([alias, { name }]) => [alias, { container: name, host: hostOf(alias), port: 8080 }]);
  const nodoff = await startNodoff({
    providers: { local: { type: "docker", discover: false } },
    defaults: { idle_timeout: `${idleTimeoutMs}ms`, wake_timeout: `${wakeTimeoutMs}ms` },
    workloads: Object.fromEntries(workloads) as Record<string, unknown>,
    ...config,
    ...more,
  });
  const sites = [...apps].map(([alias, { address }]) => ({ alias, host: hostOf(alias), address }));
  const door = await open(nodoff.port, sites).catch(async (error: unknown) => {
    await nodoff.close();
    throw error;
  });
  const reasons = follow(nodoff);
  return {
    nodoff,
    door,
    reasons,
    hostOf,
    async wake(alias) {
      const answers = async (): Promise<true | undefined> =>
        (await ask(door.port, { host: hostOf(alias), path: "/" })).status === 200 ? true : undefined;
      await until(`${alias} awake`, answers, wakeTimeoutMs);
    },
    async close() {
      await reasons.close();
      await door.close();
      await nodoff.close();
    },
  };
}
