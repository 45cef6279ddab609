import type { Cluster } from "./cluster.ts";
import { ApiError, TaskError } from "./model.ts";
import type { SimGuest, SimTask } from "./model.ts";
import { known } from "./timings.ts";

/** Who asks, for tasks and for HA: its own calls are not handed to it again. */
export interface Asker {
  /** `root@pam` or `nodoff@pve!wake`. */
  readonly user: string;
  readonly isHa?: boolean;
}

export interface Target {
  readonly node: string;
  readonly type: SimGuest["type"];
  readonly vmid: number;
}

export interface PowerParams {
  readonly timeout?: number;
  readonly forceStop?: boolean;
  readonly todisk?: boolean;
  readonly "overrule-shutdown"?: boolean;
}

export interface Operations {
  /** Carries out `POST …/status/{action}`; returns the task. Throws ApiError where the API refuses at once. */
  run(action: string, target: Target, params: PowerParams, asker: Asker): SimTask;
}

type Work = (guest: SimGuest, task: SimTask) => Promise<void>;

/** The power calls with all their asymmetries: what LXC refuses at once, QEMU often says in the task. */
export function createOperations(
  cluster: Cluster,
  ha: { request(guest: SimGuest, wanted: "started" | "stopped"): void },
): Operations {
  const { tasks, lifecycle } = cluster;
  const locks = new Map<number, Promise<void>>();
  const nameOf = ({ type, vmid }: Target): string => `${type === "lxc" ? "CT" : "VM"} ${vmid}`;

  /** The guest as the worker finds it: it may have moved since the call. */
  function begin(target: Target, asker: Asker, type: string, work: Work): SimTask {
    const guest = cluster.guests.get(String(target.vmid));
    const fate = guest?.fates.shift();
    const options = { node: cluster.node(target.node), type, id: String(target.vmid), user: asker.user, fate };
    return tasks.begin(options, async (task) => {
      const release = await lock(target, task, fate?.kind === "slow_lock" ? fate.ms : 0);
      try {
        await work(cluster.need(target.node, target.type, target.vmid), task);
      } finally {
        release();
      }
    });
  }

  async function lock({ type, vmid }: Target, task: SimTask, slowMs: number): Promise<() => void> {
    const held = Promise.withResolvers<void>();
    const before = locks.get(vmid) ?? Promise.resolve();
    locks.set(
      vmid,
      before.then(() => held.promise),
    );
    const late = Promise.withResolvers<"late">();
    const cancel = cluster.clock.after(known.lockWaitMs, () => late.resolve("late"));
    const free = before.then(() => (slowMs > 0 ? tasks.sleep(task, slowMs) : undefined)).then(() => "free" as const);
    const outcome = await Promise.race([free, late.promise]);
    cancel();
    if (outcome === "free") return held.resolve;
    held.resolve();
    const path = type === "lxc" ? `/run/lock/lxc/pve-config-${vmid}.lock` : `/var/lock/qemu-server/lock-${vmid}.conf`;
    throw new TaskError(`can't lock file '${path}' - got timeout`);
  }

  function refuseLocked(guest: SimGuest, except: readonly string[] = ["mounted"]): void {
    if (guest.lock === null || except.includes(guest.lock)) return;
    throw new TaskError(`${guest.type === "lxc" ? "CT" : "VM"} is locked (${guest.lock})`);
  }

  async function boot(guest: SimGuest, task: SimTask, ms: number): Promise<void> {
    task.log.push(...guest.startLog);
    const early = guest.type === "lxc" ? 0.4 : 0.6;
    await tasks.sleep(task, ms * early);
    // The command socket, or the QEMU process, is there: "running", although nothing has booted.
    lifecycle.poweredOn(guest);
    await tasks.sleep(task, ms * (1 - early));
  }

  async function shutDown(guest: SimGuest, task: SimTask, { timeout, forceStop }: PowerParams): Promise<void> {
    const limitMs = timeout === undefined ? known.defaultShutdownMs : timeout * 1000;
    const isLxc = guest.type === "lxc";
    const needsMs = cluster.time(guest, isLxc ? "vzshutdownMs" : "qmshutdownMs");
    const { generation } = guest;
    guest.power = guest.power === "paused" ? "paused" : "stopping";
    try {
      await tasks.sleep(task, guest.ignoresShutdown ? limitMs : Math.min(limitMs, needsMs));
    } catch (error) {
      if (guest.generation === generation) guest.power = "running";
      throw error;
    }
    if (guest.generation !== generation) return;
    if ((guest.ignoresShutdown || needsMs > limitMs) && forceStop !== true) {
      guest.power = "running";
      throw new TaskError(isLxc ? "container did not stop" : "VM quit/powerdown failed - got timeout");
    }
    await lifecycle.poweredOff(guest);
  }

  /** Asks the HA manager instead; that says OK at once and does it later. */
  function viaHa(target: Target, asker: Asker, wanted: "started" | "stopped"): SimTask | null {
    const guest = cluster.guests.get(String(target.vmid));
    if (asker.isHa === true || guest?.ha === null || guest === undefined || guest.ha.requested === "ignored")
      return null;
    const options = {
      node: cluster.node(target.node),
      id: String(target.vmid),
      user: asker.user,
      fate: guest.fates.shift(),
    };
    const type = wanted === "started" ? "hastart" : "hastop";
    return tasks.begin({ ...options, type }, async (task) => {
      await tasks.sleep(task, cluster.time(guest, "haTaskMs"));
      ha.request(guest, wanted);
    });
  }

  const isUp = ({ node, type, vmid }: Target): boolean => {
    const guest = cluster.guests.get(String(vmid));
    return guest !== undefined && guest.node === node && guest.type === type && cluster.isVisiblyRunning(guest);
  };
  function needUp(target: Target): void {
    if (!isUp(target)) throw new ApiError(500, `${nameOf(target)} not running`);
  }

  function start(target: Target, asker: Asker): SimTask {
    const isLxc = target.type === "lxc";
    if (isLxc && isUp(target)) throw new ApiError(500, `CT ${target.vmid} already running`);
    const handed = viaHa(target, asker, "started");
    if (handed !== null) return handed;
    return begin(target, asker, isLxc ? "vzstart" : "qmstart", async (guest, task) => {
      if (isUp(target))
        throw new TaskError(isLxc ? `CT ${target.vmid} already running` : `VM ${target.vmid} already running`);
      refuseLocked(guest, ["mounted", "suspended"]);
      if (guest.template) throw new TaskError(`you can't start a ${isLxc ? "CT" : "vm"} if it's a template`);
      guest.lock = guest.lock === "suspended" ? null : guest.lock;
      await boot(guest, task, cluster.time(guest, isLxc ? "vzstartMs" : "qmstartMs"));
    });
  }

  function shutdown(target: Target, params: PowerParams, asker: Asker): SimTask {
    const isLxc = target.type === "lxc";
    if (isLxc) needUp(target);
    const guest = cluster.guests.get(String(target.vmid));
    if (!isLxc && guest?.power === "paused" && params.forceStop !== true)
      throw new ApiError(500, "VM is paused - cannot shutdown");
    const handed = viaHa(target, asker, "stopped");
    if (handed !== null) return handed;
    return begin(target, asker, isLxc ? "vzshutdown" : "qmshutdown", async (found, task) => {
      if (!cluster.isVisiblyRunning(found)) return;
      refuseLocked(found);
      await shutDown(found, task, params);
    });
  }

  function stop(target: Target, params: PowerParams, asker: Asker): SimTask {
    const isLxc = target.type === "lxc";
    if (isLxc) needUp(target);
    const guest = cluster.guests.get(String(target.vmid));
    if (params["overrule-shutdown"] === true) {
      if (guest?.ha !== null && guest !== undefined)
        throw new ApiError(400, "Parameter verification failed.", {
          "overrule-shutdown": "not possible for HA resources",
        });
      for (const task of tasks.all)
        if (task.exit === null && task.id === String(target.vmid) && task.type.endsWith("shutdown")) tasks.abort(task);
    }
    const handed = viaHa(target, asker, "stopped");
    if (handed !== null) return handed;
    return begin(target, asker, isLxc ? "vzstop" : "qmstop", async (found, task) => {
      if (!cluster.isVisiblyRunning(found)) return;
      refuseLocked(found);
      await tasks.sleep(task, cluster.time(found, isLxc ? "vzstopMs" : "qmstopMs"));
      await lifecycle.poweredOff(found);
    });
  }

  function suspend(target: Target, { todisk }: PowerParams, asker: Asker): SimTask {
    needUp(target);
    const guest = cluster.need(target.node, target.type, target.vmid);
    if (todisk !== true) {
      return begin(target, asker, "qmpause", async (found, task) => {
        refuseLocked(found);
        await tasks.sleep(task, cluster.time(found, "qmpauseMs"));
        await lifecycle.frozen(found);
      });
    }
    if (guest.ha !== null && guest.ha.requested !== "ignored")
      throw new ApiError(500, "Cannot suspend HA managed VM to disk");
    return begin(target, asker, "qmsuspend", async (found, task) => {
      refuseLocked(found);
      found.lock = "suspending";
      await tasks.sleep(task, cluster.time(found, "qmsuspendMs"));
      await lifecycle.poweredOff(found);
      found.lock = "suspended";
    });
  }

  function resume(target: Target, asker: Asker): SimTask {
    const guest = cluster.need(target.node, target.type, target.vmid);
    if (guest.lock === "suspended") return start(target, asker);
    needUp(target);
    return begin(target, asker, "qmresume", async (found, task) => {
      await tasks.sleep(task, cluster.time(found, "qmresumeMs"));
      if (found.power === "paused") lifecycle.thawed(found);
    });
  }

  function reboot(target: Target, params: PowerParams, asker: Asker): SimTask {
    needUp(target);
    const type = target.type === "lxc" ? "vzreboot" : "qmreboot";
    return begin(target, asker, type, async (guest, task) => {
      await shutDown(guest, task, params);
      await boot(guest, task, cluster.time(guest, guest.type === "lxc" ? "vzstartMs" : "qmstartMs"));
    });
  }

  return {
    run(action, target, params, asker) {
      if (!cluster.quorum) throw new ApiError(500, "cluster not ready - no quorum?");
      switch (action) {
        case "start":
          return start(target, asker);
        case "shutdown":
          return shutdown(target, params, asker);
        case "stop":
          return stop(target, params, asker);
        case "suspend":
          if (target.type === "lxc") break;
          return suspend(target, params, asker);
        case "resume":
          if (target.type === "lxc") break;
          return resume(target, asker);
        case "reboot":
          return reboot(target, params, asker);
        default:
      }
      throw new ApiError(
        501,
        `Method 'POST /nodes/${target.node}/${target.type}/${target.vmid}/status/${action}' not implemented`,
      );
    },
  };
}
