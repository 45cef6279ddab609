import type { Proxmox } from "proxmox-api";
import type { Access } from "./access.ts";
import type { Cluster } from "./cluster.ts";
import type { SimGuest, SimNode } from "./model.ts";

/** One row of `/nodes`, and of `/cluster/resources` in its own form. */
export function nodeRow({ name, downAt }: SimNode): Proxmox.nodesIndex & Proxmox.clusterResourcesResources {
  return { node: name, id: `node/${name}`, type: "node", status: downAt === null ? "online" : "offline", level: "" };
}

/**
 * `/cluster/resources`: what pvestatd last said of power and counters, with the configuration as it is now. Guests the
 * asker may not see are left out without a word.
 */
export function clusterRows(deps: {
  readonly cluster: Cluster;
  readonly access: Access;
  readonly textNumbers: boolean;
  readonly who: string;
  readonly type: string | undefined;
}): readonly Proxmox.clusterResourcesResources[] {
  const { cluster, access, textNumbers, who, type } = deps;
  const wants = (kind: string): boolean => type === undefined || type === kind;
  const guests = wants("vm")
    ? [...cluster.guests.values()].filter(({ vmid }) => access.may(who, `/vms/${vmid}`, "VM.Audit"))
    : [];
  return [
    ...guests.map((guest) => asText(guestRow(cluster, guest), textNumbers)),
    ...(wants("node") ? cluster.nodes.map(nodeRow) : []),
    ...(wants("storage")
      ? cluster.nodes.map(({ name }) => ({
          id: `storage/${name}/local`,
          type: "storage",
          storage: "local",
          node: name,
          status: "available",
          plugintype: "dir",
          content: "iso",
        }))
      : []),
  ];
}

function guestRow(cluster: Cluster, guest: SimGuest): Proxmox.clusterResourcesResources {
  const { type, vmid, node, name, tags, lock, template, pool, ha } = guest;
  const told = cluster.snapshot(guest);
  return {
    id: `${type}/${vmid}`,
    type,
    vmid,
    node,
    // Of a dead node nothing else is left after a while.
    ...(told === undefined
      ? { status: "unknown", template: template ? 1 : 0 }
      : {
          name,
          status: told.status,
          template: template ? 1 : 0,
          uptime: told.uptime,
          cpu: told.cpu,
          maxcpu: 2,
          mem: told.status === "running" ? 268_435_456 : 0,
          maxmem: 536_870_912,
          disk: 0,
          maxdisk: 8_589_934_592,
          netin: told.netin,
          netout: told.netout,
          diskread: 0,
          diskwrite: 0,
        }),
    ...(tags !== "" && { tags }),
    ...(lock !== null && { lock }),
    ...(pool !== null && { pool }),
    ...(ha !== null && { hastate: ha.requested === "ignored" ? "ignored" : ha.state }),
  };
}

/** `status/current`: live. */
export function currentStatus(cluster: Cluster, guest: SimGuest): Proxmox.nodesLxcStatusCurrentVmStatus {
  const { ha } = guest;
  const state = ha?.requested === "ignored" ? "ignored" : ha?.state;
  return { ...listedStatus(cluster, guest, { full: true }), ha: ha === null ? { managed: 0 } : { managed: 1, state } };
}

/** A row of `/nodes/{node}/lxc` or `/qemu`: live too. */
export function listedStatus(
  cluster: Cluster,
  guest: SimGuest,
  { full }: { readonly full: boolean },
): Proxmox.nodesLxcVm {
  const { type, vmid, name, tags, lock, template, power } = guest;
  const isUp = cluster.isVisiblyRunning(guest);
  const { uptime, cpu, netin, netout } = cluster.counters(guest);
  const isVm = type === "qemu";
  return {
    vmid,
    ...(type === "lxc" && { type }),
    name,
    status: isUp ? "running" : "stopped",
    uptime,
    cpu,
    cpus: 2,
    mem: isUp ? 268_435_456 : 0,
    maxmem: 536_870_912,
    netin,
    netout,
    ...(isVm && full && { qmpstatus: power === "paused" ? "paused" : isUp ? "running" : "stopped" }),
    ...(isVm && isUp && { pid: 4711, "running-qemu": "10.1.2" }),
    ...(isVm && guest.agent !== "off" && { agent: 1 }),
    ...(tags !== "" && { tags }),
    ...(lock !== null && { lock }),
    ...(template && { template: 1 }),
  };
}

function asText(row: Proxmox.clusterResourcesResources, textNumbers: boolean): Proxmox.clusterResourcesResources {
  if (!textNumbers) return row;
  return Object.fromEntries(
    Object.entries(row).map(([key, value]: [string, unknown]) => [
      key,
      typeof value === "number" ? String(value) : value,
    ]),
  ) as Proxmox.clusterResourcesResources;
}
