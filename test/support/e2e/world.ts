import assert from "node:assert/strict";
import { after, before } from "node:test";
import type { Browser } from "playwright-core";
import { startChromium } from "./chromium.ts";
import { type App, openDocker } from "./docker.ts";
import type { Door, Site } from "./kit.ts";
import { type Nodoff, type NodoffConfig, startNodoff } from "./nodoff.ts";

/** The apps every door is tried with. Each sleeps after two seconds without use. */
export interface Apps {
  /** Listens 0.7 s after its start, so nobody gets through by luck. */
  readonly blog: App;
  /** Somebody else's: no request to another host may touch it. */
  readonly victim: App;
  /** Listens 5 s after its start; its published port accepts long before. */
  readonly slow: App;
  /** Answers 401 on `/`. */
  readonly login: App;
}

/** What a suite works with; filled in before its tests run. */
export interface World {
  readonly apps: Apps;
  readonly nodoff: Nodoff;
  readonly door: Door;
}

export interface DoorUnderTest {
  /** Added to nodoff's configuration. `proxyPort` of the result is where nodoff itself listens, for its own proxy. */
  readonly config?: NodoffConfig;
  /** Where nodoff says each app is: its published port (default), or its container's own address. */
  readonly upstream?: "published" | "container";
  open(nodoff: Nodoff, sites: readonly Site[]): Promise<Door>;
  readonly skip?: string | false;
}

const idleTimeoutMs = 2000;
const delays = { blog: "700", victim: "0", slow: "5000", login: "300" } as const;
type Name = keyof typeof delays;
const names = ["blog", "victim", "slow", "login"] as const satisfies readonly Name[];

/** Host of an app of these tests; browsers find `*.localhost` by themselves. */
export function hostOf(name: Name): string {
  return `${name}.localhost`;
}

/** Creates the apps, nodoff and the door before the tests of a suite, and takes them away after. */
export function openWorld(door: DoorUnderTest): () => World {
  let world: World | undefined;
  const ends: (() => Promise<unknown>)[] = [];
  before(async () => {
    const { createApp } = await openDocker();
    const created = await Promise.all(
      names.map(async (name) => {
        const login = name === "login" ? { LOGIN: "1" } : {};
        const app = await createApp({ env: { LISTEN_DELAY_MS: delays[name], ...login } });
        ends.push(() => app.remove());
        return [name, app] as const;
      }),
    );
    const apps = Object.fromEntries(created) as unknown as Apps;
    const nodoff = await startNodoff(toConfig(apps, door));
    ends.push(() => nodoff.close());
    const sites = created.map(([name, app]) => ({ alias: name, host: hostOf(name), address: `127.0.0.1:${app.port}` }));
    const opened = await door.open(nodoff, sites);
    ends.push(() => opened.close());
    world = { apps, nodoff, door: opened };
  });
  after(async () => {
    for (const end of ends.reverse()) await end();
  });
  return () => {
    assert.ok(world !== undefined, "the world did not open");
    return world;
  };
}

function toConfig(apps: Apps, door: DoorUnderTest): NodoffConfig {
  const where = (app: App): object => (door.upstream === "container" ? { port: 8080 } : { upstream: app.url });
  const workloads = names.map((name) => [
    name,
    { container: apps[name].name, host: hostOf(name), ...where(apps[name]) },
  ]);
  return {
    providers: { local: { type: "docker", discover: false } },
    defaults: { idle_timeout: `${idleTimeoutMs}ms`, wake_timeout: "30s" },
    workloads: Object.fromEntries(workloads) as Record<string, unknown>,
    ...door.config,
  };
}

export function openBrowser(): () => Browser {
  let browser: Browser | undefined;
  before(async () => void (browser = await startChromium()));
  after(async () => browser?.close());
  return () => browser!;
}

/** Puts an app to sleep the quick way, by hand, and waits until nodoff knows. Returns the engine's time. */
export async function asleep({ nodoff }: World, name: Name, app: App): Promise<number> {
  if (await app.running()) await app.stop();
  await nodoff.inState(name, "napping");
  return app.now();
}

/** How often the engine started the app since then. */
export async function starts(app: App, since: number): Promise<number> {
  return (await app.events(since)).filter((action) => action === "start").length;
}
