import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { createRelay, type Relay } from "../../relay.ts";
import { startChromium } from "../chromium.ts";
import { type App, openDocker } from "../docker.ts";
import { openEngineView } from "../engine-view.ts";
import { startNames } from "../names.ts";
import { type Nodoff, type NodoffConfig, startNodoff } from "../nodoff.ts";
import { type Case, type CaseName, cases } from "./cases.ts";
import type { PreparedStage, Stage, StageDoor, StageSite } from "./stage.ts";

/** One app behind the stage's proxies. */
export interface Guest extends StageSite {
  readonly app: App;
}

/** A stage that plays: nodoff, the proxies and an app per case. */
export interface World {
  readonly nodoff: Nodoff;
  readonly browser: Browser;
  /** The proxy as shipped. */
  readonly door: StageDoor;
  /** The same proxy, with and without fail-open, whose way to nodoff is `way`. */
  readonly closed: StageDoor;
  readonly open: StageDoor;
  readonly way: Relay;
  guest(name: GuestName): Guest;
  /** The app whose host strangers use to get at others. */
  readonly liar: Guest;
  close(): Promise<void>;
}

/** Each case has an app, and there are two more: what is woken again and again, and what liars use. */
export type GuestName = CaseName | "wakes" | "liar";

const plain: Pick<Case, "env" | "workload" | "login"> = {};

/** Opens a stage with an app for each of these cases. */
export async function openWorld(stage: Stage, names: readonly CaseName[]): Promise<World> {
  const ends: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const end of ends.reverse()) await end().catch((error: unknown) => console.error(error));
  };
  try {
    return { ...(await open(stage, [...names, "wakes", "liar"], (end) => ends.push(end))), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function open(
  stage: Stage,
  names: readonly GuestName[],
  atEnd: (end: () => Promise<unknown>) => unknown,
): Promise<Omit<World, "close">> {
  const run = randomBytes(4).toString("hex");
  const guests = new Map<string, Guest>();
  const resolver = await startNames(async (name) =>
    [...guests.values()].find(({ app }) => app.name === name)?.app.address(),
  );
  atEnd(() => resolver.close());
  const prepared = await stage.prepare({ names: resolver.address });
  const { createApp } = await openDocker();
  await Promise.all(
    names.map(async (name) => {
      const guest = await createGuest(name, { run, prepared, createApp });
      atEnd(() => guest.app.remove());
      guests.set(name, guest);
    }),
  );
  const nodoff = await startNodoff(await toConfig(prepared, { run, guests, atEnd }));
  atEnd(() => nodoff.close());
  const way = await createRelay({ listen: null, target: nodoff.port });
  atEnd(() => way.close());
  const wayPort = Number(new URL(way.url).port);
  const sites = [...guests.values()];
  const start = async (hookPort: number, fail: "closed" | "open"): Promise<StageDoor> => {
    const door = await prepared.open({ hookPort, fail, sites });
    atEnd(() => door.close());
    return door;
  };
  const browser = await startChromium();
  atEnd(() => browser.close());
  const guest = (name: GuestName): Guest => {
    const found = guests.get(name);
    if (found === undefined) throw new Error(`no app for ${name}`);
    return found;
  };
  return {
    nodoff,
    browser,
    way,
    door: await start(nodoff.port, "closed"),
    closed: await start(wayPort, "closed"),
    open: await start(wayPort, "open"),
    guest,
    liar: guest("liar"),
  };
}

function toCase(name: GuestName): Pick<Case, "env" | "workload" | "login"> {
  return name === "wakes" || name === "liar" ? plain : (cases[name] as Case);
}

/** The alias says what it is for; the host works in browsers as it is. */
function toAlias(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}

async function createGuest(
  name: GuestName,
  options: {
    readonly run: string;
    readonly prepared: PreparedStage;
    readonly createApp: Awaited<ReturnType<typeof openDocker>>["createApp"];
  },
): Promise<Guest> {
  const { run, prepared, createApp } = options;
  const { env = {}, workload = {}, login = false } = toCase(name);
  const alias = toAlias(name);
  const host = `${alias}.localhost`;
  const labels = await prepared.labels?.({ alias, host, login, run });
  const ofNodoff = { ...toLabels({ name: alias, port: 8080, ...workload }), "nodoff.enable": "true", [runLabel]: run };
  const app = await createApp({ env, ...(labels === undefined ? {} : { labels: { ...ofNodoff, ...labels } }) });
  return { app, alias, host, login, address: `${app.name}:8080`, published: app.published };
}

const runLabel = "nodoff-test.run";

function toLabels(keys: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(keys).map(([key, value]) => [
    `nodoff.${key}`,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  return Object.fromEntries(entries) as Record<string, string>;
}

async function toConfig(
  prepared: PreparedStage,
  options: {
    readonly run: string;
    readonly guests: ReadonlyMap<string, Guest>;
    readonly atEnd: (end: () => Promise<unknown>) => unknown;
  },
): Promise<NodoffConfig> {
  const { run, guests, atEnd } = options;
  // Long enough that on a busy machine nothing sleeps in the middle of a case; the case about it says its own.
  const defaults = { idle_timeout: "10m", wake_timeout: "60s" };
  if (prepared.labels !== undefined) {
    const directory = await mkdtemp(join(tmpdir(), "nodoff-view-"));
    atEnd(() => rm(directory, { recursive: true, force: true }));
    const socket = join(directory, "engine.sock");
    const view = await openEngineView(socket, `${runLabel}=${run}`);
    atEnd(() => view.close());
    return { providers: { local: { type: "docker", url: `unix://${socket}` } }, defaults, ...prepared.config };
  }
  const workloads = [...guests].map(([name, { app, alias, host }]) => [
    alias,
    { container: app.name, host, port: 8080, ...toCase(name as GuestName).workload },
  ]);
  return {
    providers: { local: { type: "docker", discover: false } },
    defaults,
    workloads: Object.fromEntries(workloads) as Record<string, unknown>,
    ...prepared.config,
  };
}
