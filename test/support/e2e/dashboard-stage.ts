import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { JournalEvent } from "../../../src/core/journal.ts";
import { addLatency, createGathered, drain, mark } from "../../../src/core/health-history.ts";
import { openHealthStore } from "../../../src/store/open-health-store.ts";
import { openStore } from "../../../src/store/open-store.ts";
import { systemClock } from "../../../src/system-clock.ts";
import { silentLogger } from "../logger.ts";
import { freePort } from "./child.ts";
import type { AtEnd } from "./ends.ts";
import { adminToken, type Home, openHome, type Served } from "./home.ts";

/** A nodoff with a house full of services, none of which needs an engine: processes, with a past of some days. */
export interface DashboardStage {
  readonly nodoff: Served;
}

interface Resident {
  readonly alias: string;
  readonly name: string;
  readonly memory: number;
  /** Hours of the day at which it is used. */
  readonly hours: readonly number[];
  readonly more?: Readonly<Record<string, unknown>>;
  /** What it runs; default: a web server. */
  readonly script?: string;
}

const mebibyte = 1024 * 1024;
const hour = 3_600_000;

const residents: readonly Resident[] = [
  { alias: "blog", name: "Ghost", memory: 310, hours: [8, 9, 13, 20, 21], more: { depends_on: ["blog-db"] } },
  { alias: "blog-db", name: "Ghost database", memory: 420, hours: [8, 9, 13, 20, 21], more: { idle_timeout: "1h" } },
  { alias: "jellyfin", name: "Jellyfin", memory: 780, hours: [19, 20, 21, 22] },
  { alias: "nextcloud", name: "Nextcloud", memory: 640, hours: [7, 8, 12, 15, 18, 19] },
  { alias: "paperless", name: "Paperless", memory: 690, hours: [10, 11] },
  { alias: "gitea", name: "Gitea", memory: 180, hours: [9, 10, 11, 14, 15, 16] },
  { alias: "grafana", name: "Grafana", memory: 210, hours: [9, 16], more: { dry_run: true } },
  { alias: "immich", name: "Immich", memory: 1_450, hours: [12, 21, 22] },
  { alias: "wiki", name: "Wiki", memory: 260, hours: [11], script: "echo 'cannot open /data/wiki.db'; exit 1" },
  { alias: "code", name: "code-server", memory: 520, hours: [9, 10, 11, 14], script: "sleep 600" },
];

/** What stands in front of a new reader: some awake, some asleep, one failed, one on its way. */
export async function openDashboardStage(atEnd: AtEnd): Promise<DashboardStage> {
  const home = await openHome(atEnd);
  const workloads: Record<string, unknown> = {};
  for (const each of residents) workloads[each.alias] = await toWorkload(home, each);
  await home.write({
    providers: { home: { type: "process" } },
    workloads,
    // Something that answers and never sleeps: nodoff itself.
    routes: { nas: { host: "nas.example.com", upstream: `http://127.0.0.1:${home.port}` } },
  });
  await rememberPast(join(home.directory, "state"));
  const nodoff = await home.serve();
  const ask = async (path: string, body: object = {}): Promise<void> => {
    const headers = { authorization: `Bearer ${adminToken}`, "content-type": "application/json" };
    const url = `http://127.0.0.1:${home.port}/api/v1/workloads/${path}`;
    const { status } = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
    if (status !== 202) throw new Error(`${path}: ${status}`);
  };
  for (const alias of ["blog", "gitea", "nextcloud", "grafana", "wiki", "code"]) await ask(`${alias}/wake`);
  await ask("jellyfin/pin", { for: "2h", reason: "film night" });
  for (const alias of ["blog", "gitea", "nextcloud", "grafana", "jellyfin"]) await nodoff.inState(alias, "ready");
  await nodoff.inState("wiki", "error");
  return { nodoff };
}

async function toWorkload(home: Home, each: Resident): Promise<object> {
  const at = await freePort();
  const folder = await mkdtemp(join(home.directory, "www-"));
  await writeFile(join(folder, "index.html"), `<!doctype html><title>${each.name}</title><h1>${each.name}</h1>`);
  const listen = `echo "${each.name} listens on port ${at}"; exec busybox httpd -f -v -p 127.0.0.1:${at} -h ${folder}`;
  return {
    provider: "home",
    process: { command: ["sh", "-c", each.script ?? listen] },
    display_name: each.name,
    host: `${each.alias}.example.com`,
    upstream: `http://127.0.0.1:${at}`,
    idle_timeout: "15m",
    wake_timeout: "5m",
    ...each.more,
  };
}

/** Some days of use, written as nodoff itself would have. */
async function rememberPast(stateDir: string): Promise<void> {
  await mkdir(stateDir, { recursive: true });
  const store = openStore({ stateDir, clock: systemClock, logger: silentLogger });
  const health = openHealthStore({ stateDir, clock: systemClock, logger: silentLogger });
  const now = Date.now();
  const events: Omit<JournalEvent, "id">[] = [];
  for (const { alias, memory, hours, more } of residents) {
    const gathered = createGathered(now - 72 * hour, "napping");
    const take = (changes: Parameters<typeof health.add>[1]): void => health.add(alias, changes);
    const isDry = more?.["dry_run"] === true;
    let isAwake = false;
    for (let at = now - 72 * hour; at < now - hour; at += hour / 4) {
      // Not on the stroke of the hour: people come when they like.
      const used = hours.includes(new Date(at + (memory % 7) * 300_000).getUTCHours());
      if (used !== isAwake) {
        const kind = used ? "awake" : isDry ? "would_sleep" : "asleep";
        store.turnInterval(alias, { kind, memoryBytes: used ? null : memory * mebibyte }, at);
        events.push({ at, type: used ? "wake" : "sleep", alias, message: used ? "ready" : "asleep" });
        mark(gathered, at, used ? "healthy" : "napping", take);
      }
      if (used) addLatency(gathered, at, 3 + (memory % 40) + 12 * Math.abs(Math.sin(at / 2e6 + memory)), take);
      isAwake = used;
    }
    mark(gathered, now - hour, "napping", take);
    drain(gathered, take);
    if (isAwake) store.turnInterval(alias, { kind: "asleep", memoryBytes: memory * mebibyte }, now - hour);
    for (const ms of [2_100, 1_800, 2_400]) store.addWakeDuration(alias, ms);
  }
  events.sort((one, other) => one.at - other.at).forEach((event, place) => store.addEvent({ ...event, id: place + 1 }));
  await health.close();
  await store.close();
}
