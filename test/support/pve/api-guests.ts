import type { Proxmox } from "proxmox-api";
import { ApiError } from "./model.ts";
import type { SimGuest } from "./model.ts";
import type { Target } from "./operations.ts";
import { demand } from "./route.ts";
import type { ApiDeps, Call, Route } from "./route.ts";
import { isOn } from "./schema.ts";
import type { Param } from "./schema.ts";
import { assumed, known } from "./timings.ts";
import { currentStatus, listedStatus } from "./views.ts";

const guestPath = "^/nodes/(?<node>[^/]+)/(?<type>lxc|qemu)/(?<vmid>[^/]+)";
const timeout: Param = { type: "integer", min: 0 };

/** Parameters by kind and action; what is not here is refused as the API refuses it. */
const actions: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, Param>>>>>> = {
  lxc: {
    start: { debug: { type: "boolean" }, skiplock: { type: "boolean" } },
    shutdown: { timeout, forceStop: { type: "boolean" } },
    stop: { skiplock: { type: "boolean" }, "overrule-shutdown": { type: "boolean" } },
    reboot: { timeout },
    suspend: {},
    resume: {},
  },
  qemu: {
    start: { timeout, skiplock: { type: "boolean" } },
    shutdown: {
      timeout,
      forceStop: { type: "boolean" },
      keepActive: { type: "boolean" },
      skiplock: { type: "boolean" },
    },
    stop: {
      timeout,
      keepActive: { type: "boolean" },
      skiplock: { type: "boolean" },
      "overrule-shutdown": { type: "boolean" },
    },
    reboot: { timeout },
    reset: { skiplock: { type: "boolean" } },
    suspend: { todisk: { type: "boolean" }, statestorage: { type: "string" }, skiplock: { type: "boolean" } },
    resume: { nocheck: { type: "boolean" }, skiplock: { type: "boolean" } },
  },
};

/** Everything under `/nodes/{node}/{lxc|qemu}`. */
export function guestRoutes(deps: ApiDeps): readonly Route[] {
  const { cluster, access, operations } = deps;
  const target = ({ path }: Call): Target => ({
    node: path["node"] ?? "",
    type: path["type"] as SimGuest["type"],
    vmid: Number(path["vmid"]),
  });
  /** Rights first: whoever may not see it learns nothing, not even that it is gone. */
  const find = (call: Call, right: string): SimGuest => {
    const { node, type, vmid } = target(call);
    demand(access, call.who, `/vms/${vmid}`, right);
    return cluster.need(node, type, vmid);
  };
  const lists = (["lxc", "qemu"] as const).map((type): Route => ({
    method: "GET",
    pattern: new RegExp(`^/nodes/(?<node>[^/]+)/${type}$`),
    schema: type === "qemu" ? { full: { type: "boolean" } } : {},
    tookMs: 40,
    run: ({ who, path, params }) =>
      [...cluster.guests.values()]
        .filter((guest) => guest.type === type && guest.node === path["node"])
        .filter(({ vmid }) => access.may(who, `/vms/${vmid}`, "VM.Audit"))
        .map((guest) => listedStatus(cluster, guest, { full: isOn(params["full"]) })),
  }));
  const power = Object.entries(actions).flatMap(([type, byAction]) =>
    Object.entries(byAction).map(([action, schema]): Route => ({
      method: "POST",
      pattern: new RegExp(`^/nodes/(?<node>[^/]+)/(?<type>${type})/(?<vmid>[^/]+)/status/${action}$`),
      schema,
      tookMs: assumed.postMs,
      run: (call) => {
        const { params, who } = call;
        demand(access, who, `/vms/${target(call).vmid}`, "VM.PowerMgmt");
        if (isOn(params["todisk"])) demand(access, who, `/vms/${target(call).vmid}`, "VM.Config.Disk");
        const asked = {
          ...(params["timeout"] !== undefined && { timeout: Number(params["timeout"]) }),
          forceStop: isOn(params["forceStop"]),
          todisk: isOn(params["todisk"]),
          "overrule-shutdown": isOn(params["overrule-shutdown"]),
        };
        return operations.run(action, target(call), asked, { user: who }).upid;
      },
    })),
  );
  return [
    ...lists,
    {
      method: "GET",
      pattern: new RegExp(`${guestPath}/status/current$`),
      schema: {},
      tookMs: assumed.currentMs,
      run: (call) => currentStatus(cluster, find(call, "VM.Audit")),
    },
    {
      method: "GET",
      pattern: new RegExp(`${guestPath}/config$`),
      schema: { current: { type: "boolean" }, snapshot: { type: "string" } },
      tookMs: assumed.currentMs,
      run: (call) => {
        const { name, tags, lock, config, agent, type } = find(call, "VM.Audit");
        return {
          ...(type === "lxc" ? { hostname: name } : { name, ...(agent !== "off" && { agent: "1" }) }),
          ...(tags !== "" && { tags }),
          ...(lock !== null && { lock }),
          digest: "0123456789abcdef0123456789abcdef01234567",
          ...config,
        };
      },
    },
    {
      method: "GET",
      pattern: /^\/nodes\/(?<node>[^/]+)\/(?<type>lxc)\/(?<vmid>[^/]+)\/interfaces$/,
      schema: {},
      tookMs: 30,
      run: (call): Proxmox.nodesLxcInterfacesIp[] | null => {
        const guest = find(call, "VM.Audit");
        if (!cluster.isVisiblyRunning(guest)) return null;
        const has = guest.address !== null && cluster.clock.now() >= guest.addressAt;
        return [
          {
            name: "lo",
            hwaddr: "00:00:00:00:00:00",
            "hardware-address": "00:00:00:00:00:00",
            inet: "127.0.0.1/8",
            inet6: "::1/128",
            ...modern(
              [
                ["127.0.0.1", "inet", "8"],
                ["::1", "inet6", "128"],
              ],
              deps,
            ),
          },
          {
            name: "eth0",
            hwaddr: "bc:24:11:00:00:01",
            "hardware-address": "bc:24:11:00:00:01",
            inet6: "fe80::be24:11ff:fe00:1/64",
            ...(has && { inet: `${guest.address}/24` }),
            ...modern(
              [
                ["fe80::be24:11ff:fe00:1", "inet6", "64"],
                ...(has ? [[guest.address ?? "", "inet", "24"] as const] : []),
              ],
              deps,
            ),
          },
        ];
      },
    },
    {
      method: "GET",
      pattern: /^\/nodes\/(?<node>[^/]+)\/(?<type>qemu)\/(?<vmid>[^/]+)\/agent\/network-get-interfaces$/,
      schema: {},
      tookMs: 60,
      run: (call) => {
        const guest = find(call, "VM.GuestAgent.Audit|VM.GuestAgent.Unrestricted");
        if (guest.agent === "off") throw new ApiError(500, "No QEMU guest agent configured");
        if (!cluster.isVisiblyRunning(guest)) throw new ApiError(500, `VM ${guest.vmid} is not running`);
        if (guest.agent === "absent" || guest.power === "paused" || cluster.clock.now() < guest.agentAt)
          throw new SlowError(known.agentPingMs, new ApiError(500, "QEMU guest agent is not running"));
        return {
          result: [
            {
              name: "lo",
              "hardware-address": "00:00:00:00:00:00",
              "ip-addresses": [{ "ip-address": "127.0.0.1", "ip-address-type": "ipv4", prefix: 8 }],
            },
            {
              name: "ens18",
              "hardware-address": "bc:24:11:00:00:02",
              "ip-addresses": [
                { "ip-address": "fe80::be24:11ff:fe00:2", "ip-address-type": "ipv6", prefix: 64 },
                ...(guest.address === null
                  ? []
                  : [{ "ip-address": guest.address, "ip-address-type": "ipv4", prefix: 24 }]),
              ],
            },
          ],
        };
      },
    },
    ...power,
  ];
}

/** A refusal that takes its time. */
export class SlowError extends Error {
  override readonly name = "SlowError";
  readonly ms: number;
  readonly error: ApiError;
  constructor(ms: number, error: ApiError) {
    super(error.message);
    this.ms = ms;
    this.error = error;
  }
}

/** Recent versions list all addresses, older ones only `inet` and `inet6`. */
function modern(
  addresses: readonly (readonly [address: string, family: string, prefix: string])[],
  { old }: { readonly old: boolean },
): object {
  if (old) return {};
  return {
    "ip-addresses": addresses.map(([address, family, prefix]) => ({
      "ip-address": address,
      "ip-address-type": family,
      prefix,
    })),
  };
}
