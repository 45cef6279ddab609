import type { IoOptions, Need, Obstacle } from "../../core/provider.ts";
import { grantCommand } from "./answer.ts";
import type { Client } from "./client.ts";
import { describeGuest } from "./guest.ts";
import type { Guest } from "./guest.ts";
import type { Guests } from "./guests.ts";
import { PveError } from "./pve-error.ts";
import { readPermissions } from "./raw.ts";

export interface ExamineDeps {
  /** The provider's name. */
  readonly name: string;
  readonly client: Client;
  readonly guests: Guests;
}

/** An HA-managed guest needs up to 20 s before anything begins. */
const haWakeMs = 60_000;

/** Looks for what would keep each of these workloads from sleeping or waking. Changes nothing. */
export async function examine(
  { name, client, guests }: ExamineDeps,
  needs: readonly Need[],
  options: IoOptions,
): Promise<readonly Obstacle[]> {
  await guests.connect(options);
  const found: Obstacle[] = [];
  /** Ref by guest. */
  const seen = new Map<string, string>();
  for (const need of needs) {
    const { ref } = need;
    const ambiguous = guests.ambiguous(ref);
    if (ambiguous !== undefined) {
      found.push({ ref, level: "error", message: ambiguous.refusal ?? "" });
      continue;
    }
    const guest = await guests.find(ref, options);
    if (guest === undefined) {
      const message = `${name} has no ${ref}, or the ${client.who} lacks VM.Audit on it: ${grantCommand(client.who, pathOf(ref))}`;
      found.push({ ref, level: "error", message });
      continue;
    }
    const other = seen.get(guest.key);
    seen.set(guest.key, ref);
    if (other !== undefined) found.push({ ref, level: "error", message: `it is the same guest as ${other}` });
    for (const obstacle of await obstacles(guest, need, { client, options })) found.push({ ref, ...obstacle });
  }
  return found;
}

async function obstacles(
  guest: Guest,
  need: Need,
  { client, options }: { readonly client: Client; readonly options: IoOptions },
): Promise<readonly Omit<Obstacle, "ref">[]> {
  const path = `/vms/${guest.vmid}`;
  const found: Omit<Obstacle, "ref">[] = [];
  if (guest.template) found.push({ level: "error", message: `${describeGuest(guest)} is a template: it never runs` });
  const rights = readPermissions(await client.api(options).access.permissions.$get({ path })).get(path) ?? new Set();
  for (const wanted of rightsFor(guest, need)) {
    if (wanted.some((right) => rights.has(right))) continue;
    const message = `the ${client.who} lacks ${wanted.join(" or ")} on ${path}: ${grantCommand(client.who, path)}`;
    found.push({ level: "error", message });
  }
  if (guest.ha !== null && guest.ha !== "ignored") found.push(...haObstacles(guest, need));
  if (need.needsAddress && guest.type === "qemu") found.push(...(await agentObstacle(guest, client, options)));
  return found;
}

/** Each of these, and of each one of its names (they changed with versions). */
function rightsFor({ type }: Guest, { stopMethod, needsAddress }: Need): readonly (readonly string[])[] {
  return [
    ["VM.Audit"],
    ["VM.PowerMgmt"],
    ...(type === "qemu" && needsAddress ? [["VM.GuestAgent.Audit", "VM.GuestAgent.Unrestricted", "VM.Monitor"]] : []),
    ...(stopMethod === "suspend" ? [["VM.Config.Disk"]] : []),
  ];
}

function haObstacles({ ha }: Guest, { stopMethod, wakeTimeoutMs }: Need): readonly Omit<Obstacle, "ref">[] {
  const found: Omit<Obstacle, "ref">[] = [];
  if (ha === "error" || ha === "fence" || ha === "freeze")
    found.push({ level: "warning", message: `the HA manager has it in state "${ha}": it cannot be started now` });
  if (stopMethod === "suspend")
    found.push({ level: "error", message: "an HA-managed VM cannot be suspended to disk: use stop or pause" });
  if (wakeTimeoutMs < haWakeMs)
    found.push({ level: "warning", message: "it is HA-managed: give it a wake_timeout of 60s or more" });
  return found;
}

/** A VM that is off cannot be asked; one that runs tells whether its agent is configured. */
async function agentObstacle(
  guest: Guest,
  client: Client,
  options: IoOptions,
): Promise<readonly Omit<Obstacle, "ref">[]> {
  try {
    const data: unknown = await client.api(options).nodes.$(guest.node).qemu.$(guest.vmid).config.$get();
    const { agent = "", ...config } = data as Readonly<Record<string, unknown>>;
    const isOn = /^(?:1|enabled=1)/.test(String(agent));
    const isFixed = Object.keys(config).some((key) => /^ipconfig\d/.test(key) && /ip=\d/.test(String(config[key])));
    if (isOn || isFixed) return [];
    const message = "its address cannot be known: enable the QEMU guest agent, or set `upstream`";
    return [{ level: "error", message }];
  } catch (error) {
    if (error instanceof PveError) return [];
    throw error;
  }
}

function pathOf(ref: string): string {
  const id = /^(?:lxc|vm)\/(\d+)$/.exec(ref)?.[1];
  return id === undefined ? "/vms" : `/vms/${id}`;
}
