import type { Clock } from "../../../src/core/clock.ts";
import { createLifecycle } from "./lifecycle.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { ApiError } from "./model.ts";
import type { SimGuest, SimListener, SimNode, Snapshot } from "./model.ts";
import { createTasks } from "./tasks.ts";
import type { SimTasks } from "./tasks.ts";
import { assumed, known } from "./timings.ts";

export type GuestOptions = Partial<Omit<SimGuest, "type" | "vmid" | "listener">> & {
  readonly listen?: { readonly host: string; readonly port: number };
};

/** Nodes, guests, tasks and the two views of them. No HTTP here. */
export interface Cluster {
  readonly clock: Clock;
  readonly nodes: readonly SimNode[];
  readonly guests: ReadonlyMap<string, SimGuest>;
  readonly tasks: SimTasks;
  readonly lifecycle: Lifecycle;
  /** null while most nodes see each other. */
  quorum: boolean;
  node(name: string): SimNode;
  add(type: SimGuest["type"], vmid: number, options?: GuestOptions): SimGuest;
  /** Its configuration is gone; whatever ran is ended. */
  remove(vmid: number): Promise<void>;
  /** The guest with this configuration file on this node; throws as the API does where it is not there. */
  need(node: string, type: SimGuest["type"], vmid: number): SimGuest;
  isVisiblyRunning(guest: SimGuest): boolean;
  /** What pvestatd last said, as others have it. */
  snapshot(guest: SimGuest): Snapshot | undefined;
  /** pvestatd's round on every node, now. */
  broadcast(): void;
  counters(guest: SimGuest): {
    readonly uptime: number;
    readonly cpu: number;
    readonly netin: number;
    readonly netout: number;
  };
  /** Moves a guest as `pct migrate` or `qm migrate` do. */
  migrate(vmid: number, to: string): Promise<void>;
  time(guest: SimGuest, name: keyof typeof assumed): number;
  every(ms: number, phaseMs: number, run: () => void): void;
  close(): Promise<void>;
}

export function createCluster({
  clock,
  nodeNames,
  random,
}: {
  readonly clock: Clock;
  readonly nodeNames: readonly string[];
  readonly random: () => number;
}): Cluster {
  const nodes: SimNode[] = nodeNames.map((name) => ({
    name,
    downAt: null,
    downAs: "refused",
    frozen: false,
    skewMs: 0,
  }));
  const guests = new Map<string, SimGuest>();
  const snapshots = new Map<string, Snapshot>();
  const tasks = createTasks(clock);
  let closed = false;

  const node = (name: string): SimNode => {
    const found = nodes.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no node ${name}`);
    return found;
  };
  const isVisiblyRunning = ({ power }: SimGuest): boolean => power !== "stopped";
  const counters: Cluster["counters"] = (guest) => {
    if (guest.startedAt === null) return { uptime: 0, cpu: 0, netin: 0, netout: 0 };
    const upMs = Math.max(0, clock.now() - guest.startedAt);
    const isFrozen = guest.power === "paused";
    const frozenMs = guest.pausedMs + (guest.pausedAt === null ? 0 : clock.now() - guest.pausedAt);
    const bytes = Math.floor((guest.traffic * (upMs - frozenMs)) / 1000);
    return {
      uptime: Math.max(1, Math.floor(upMs / 1000)),
      cpu: isFrozen ? 0 : guest.load,
      netin: bytes,
      netout: bytes,
    };
  };

  function takeSnapshot({ name, downAt, frozen }: SimNode): void {
    if (downAt !== null || frozen) return;
    for (const guest of guests.values()) if (guest.node === name) tellOf(guest);
  }

  function tellOf(guest: SimGuest): void {
    const status = isVisiblyRunning(guest) ? "running" : "stopped";
    snapshots.set(`${guest.node}/${guest.vmid}`, { at: clock.now(), status, ...counters(guest) });
  }

  function every(ms: number, phaseMs: number, run: () => void): void {
    const tick = (): void => {
      if (closed) return;
      run();
      clock.after(ms, tick);
    };
    clock.after(phaseMs, tick);
  }
  for (const each of nodes) every(known.statdMs, random() * known.statdMs, () => takeSnapshot(each));

  const cluster: Cluster = {
    clock,
    nodes,
    guests,
    tasks,
    quorum: true,
    node,
    isVisiblyRunning,
    counters,
    every,
    get lifecycle() {
      return lifecycle;
    },
    add(type, vmid, { listen, ...options } = {}) {
      const listener: SimListener | null = listen === undefined ? null : { ...listen, server: null, requests: 0 };
      const guest: SimGuest = { ...plainGuest(type, vmid, nodes[0]?.name ?? "pve1"), ...options, listener };
      guests.set(String(vmid), guest);
      if (guest.power === "running") lifecycle.poweredOn(guest, { alreadyUp: true });
      // As if it had been there for long.
      tellOf(guest);
      return guest;
    },
    async remove(vmid) {
      const guest = guests.get(String(vmid));
      if (guest === undefined) return;
      guests.delete(String(vmid));
      await lifecycle.poweredOff(guest);
    },
    need(nodeName, type, vmid) {
      const guest = guests.get(String(vmid));
      if (guest !== undefined && guest.node === nodeName && guest.type === type) return guest;
      const file = `nodes/${nodeName}/${type === "lxc" ? "lxc" : "qemu-server"}/${vmid}.conf`;
      throw new ApiError(500, `Configuration file '${file}' does not exist`);
    },
    snapshot(guest) {
      const found = snapshots.get(`${guest.node}/${guest.vmid}`);
      return found === undefined || clock.now() - found.at > known.statdLifeMs ? undefined : found;
    },
    broadcast: () => nodes.forEach(takeSnapshot),
    async migrate(vmid, to) {
      const guest = guests.get(String(vmid));
      if (guest === undefined) throw new Error(`no guest ${vmid}`);
      guest.lock = "migrate";
      const wasRunning = isVisiblyRunning(guest);
      const { promise, resolve } = Promise.withResolvers<void>();
      // A container moves by stop and start, a VM keeps running.
      if (guest.type === "lxc" && wasRunning) await lifecycle.poweredOff(guest);
      clock.after(cluster.time(guest, "migrateMs"), resolve);
      await promise;
      guest.node = to;
      guest.lock = null;
      if (guest.type === "lxc" && wasRunning) lifecycle.poweredOn(guest);
    },
    time: (guest, name) => guest.timings[name] ?? assumed[name],
    async close() {
      closed = true;
      for (const task of tasks.all) if (task.exit === null) tasks.abort(task);
      for (const guest of guests.values()) await lifecycle.poweredOff(guest);
    },
  };
  const lifecycle = createLifecycle(cluster);
  return cluster;
}

function plainGuest(type: SimGuest["type"], vmid: number, node: string): SimGuest {
  return {
    type,
    vmid,
    node,
    name: `${type}${vmid}`,
    tags: "",
    template: false,
    lock: null,
    pool: null,
    config: {},
    power: "stopped",
    startedAt: null,
    address: "127.0.0.1",
    addressAt: Number.POSITIVE_INFINITY,
    agentAt: Number.POSITIVE_INFINITY,
    agent: type === "qemu" ? "on" : "off",
    ha: null,
    ignoresShutdown: false,
    crashAfterMs: null,
    startLog: [],
    traffic: 100,
    pausedAt: null,
    pausedMs: 0,
    load: 0.01,
    timings: {},
    fates: [],
    listener: null,
    starts: 0,
    generation: 0,
  };
}
