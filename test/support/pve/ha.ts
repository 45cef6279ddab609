import type { Cluster } from "./cluster.ts";
import type { SimGuest } from "./model.ts";
import type { Operations } from "./operations.ts";
import { known } from "./timings.ts";

/** The HA manager: asked at once, heard by the CRM within 10 s, carried out by an LRM within another 10 s. */
export interface HaManager {
  request(guest: SimGuest, wanted: "started" | "stopped"): void;
  begin(operations: Operations): void;
}

export function createHaManager(cluster: Cluster, random: () => number): HaManager {
  const managed = (): SimGuest[] =>
    [...cluster.guests.values()].filter(({ ha }) => ha !== null && ha.requested !== "ignored");

  /** Decides; the new node counts from here on. */
  function crm(): void {
    for (const guest of managed()) {
      const { ha } = guest;
      if (ha === null || ha.state === "error" || ha.state === ha.requested) continue;
      ha.state = ha.requested === "started" ? "request_start" : "request_stop";
      if (ha.requested === "started" && ha.placement !== null && guest.power === "stopped") {
        guest.node = ha.placement;
        ha.placement = null;
      }
    }
  }

  /** Brings guests where they are wanted; one that stopped by itself is started again. */
  function lrm(operations: Operations): void {
    for (const guest of managed()) {
      const { ha } = guest;
      if (ha === null || ha.state === "error" || cluster.node(guest.node).downAt !== null) continue;
      const { node, type, vmid, power } = guest;
      const asker = { user: "root@pam", isHa: true };
      const isUp = cluster.isVisiblyRunning(guest);
      if (ha.state === "request_start" || ha.state === "started") {
        if (!isUp) operations.run("start", { node, type, vmid }, {}, asker);
        ha.state = "started";
      }
      if (ha.state === "request_stop") {
        if (isUp && power !== "stopping") operations.run("shutdown", { node, type, vmid }, { forceStop: true }, asker);
        if (!isUp) ha.state = "stopped";
      }
    }
  }

  return {
    request(guest, wanted) {
      if (guest.ha !== null) guest.ha.requested = wanted;
    },
    begin(operations) {
      cluster.every(known.crmMs, random() * known.crmMs, crm);
      cluster.every(known.lrmMs, random() * known.lrmMs, () => lrm(operations));
    },
  };
}
