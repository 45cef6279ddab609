/**
 * Reads what Proxmox VE sends into our own shapes. Numbers may arrive as text, switches as 1, "1", true or not at all,
 * and lists as null: nothing here trusts a type.
 */

/** How the API's paths call the two kinds of guests. */
export type GuestType = "lxc" | "qemu";

/** One guest in `/cluster/resources`. Status, uptime and counters are up to 12 s old, the rest is live. */
export interface GuestRow {
  readonly type: GuestType;
  readonly vmid: number;
  readonly node: string;
  readonly name: string;
  /** `running` (a paused VM too), `stopped`, or `unknown` for guests of a node that is long dead. */
  readonly status: string;
  readonly template: boolean;
  readonly uptimeS: number;
  /** Fraction of `cpus`. */
  readonly cpu: number;
  readonly cpus: number;
  readonly netIn: number | null;
  readonly netOut: number | null;
  /** Bytes it uses. */
  readonly memory: number | null;
  readonly lock: string | null;
  readonly tags: readonly string[];
  /** State the HA manager has it in; null = not managed. */
  readonly ha: string | null;
}

export interface NodeRow {
  readonly name: string;
  readonly online: boolean;
}

export interface Resources {
  readonly guests: readonly GuestRow[];
  readonly nodes: readonly NodeRow[];
}

/** What `status/current` says at this very moment. */
export interface Status {
  readonly running: boolean;
  readonly paused: boolean;
  readonly uptimeS: number;
  readonly lock: string | null;
  readonly ha: string | null;
  readonly template: boolean;
}

export interface TaskStatus {
  readonly running: boolean;
  /** `OK`, `WARNINGS: n`, or what went wrong; empty while it runs. */
  readonly exit: string;
}

/** A task of one guest, as lists have it. */
export interface TaskRow {
  readonly upid: string;
  readonly type: string;
  /** Seconds since the epoch, by the node's clock. */
  readonly startedS: number;
}

export interface Interface {
  readonly name: string;
  readonly addresses: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

export function readResources(data: unknown): Resources {
  const rows = toList(data);
  const guests: GuestRow[] = [];
  const nodes: NodeRow[] = [];
  for (const row of rows) {
    const type = toText(row["type"]);
    if (type === "node") nodes.push({ name: toText(row["node"]), online: toText(row["status"]) === "online" });
    if (type === "lxc" || type === "qemu") guests.push(toGuestRow(type, row));
  }
  return { guests, nodes };
}

function toGuestRow(type: GuestType, row: Fields): GuestRow {
  return {
    type,
    vmid: toNumber(row["vmid"]) ?? 0,
    node: toText(row["node"]),
    name: toText(row["name"]),
    status: toText(row["status"]),
    template: toFlag(row["template"]),
    uptimeS: toNumber(row["uptime"]) ?? 0,
    cpu: toNumber(row["cpu"]) ?? 0,
    cpus: toNumber(row["maxcpu"]) ?? 1,
    netIn: toNumber(row["netin"]),
    netOut: toNumber(row["netout"]),
    memory: toNumber(row["mem"]),
    lock: toOptionalText(row["lock"]),
    tags: readTags(row["tags"]),
    ha: toOptionalText(row["hastate"]),
  };
}

export function readStatus(data: unknown): Status {
  const row = toFields(data);
  const ha = toFields(row["ha"]);
  const running = toText(row["status"]) === "running";
  const qmp = toText(row["qmpstatus"]);
  return {
    running,
    // `prelaunch` and the like are stages of a start; whoever is only frozen says so.
    paused: running && (qmp === "paused" || qmp === "suspended"),
    uptimeS: toNumber(row["uptime"]) ?? 0,
    lock: toOptionalText(row["lock"]),
    ha: toFlag(ha["managed"]) ? (toOptionalText(ha["state"]) ?? "unknown") : null,
    template: toFlag(row["template"]),
  };
}

/** One row of `/nodes/{node}/lxc` or `/qemu?full=1`: as `status/current`, without the HA part. */
export function readStatuses(data: unknown): ReadonlyMap<number, Status> {
  return new Map(toList(data).map((row) => [toNumber(row["vmid"]) ?? 0, readStatus(row)]));
}

export function readTaskStatus(data: unknown): TaskStatus {
  const row = toFields(data);
  return { running: toText(row["status"]) === "running", exit: toText(row["exitstatus"]) };
}

export function readTasks(data: unknown): readonly TaskRow[] {
  return toList(data).map((row) => ({
    upid: toText(row["upid"]),
    type: toText(row["type"]),
    startedS: toNumber(row["starttime"]) ?? 0,
  }));
}

export function readTaskLog(data: unknown): readonly string[] {
  return toList(data)
    .toSorted((a, b) => (toNumber(a["n"]) ?? 0) - (toNumber(b["n"]) ?? 0))
    .map((row) => toText(row["t"]));
}

/** Of a container (a list) or of a VM's agent (a list one level deeper, with other names for the families). */
export function readInterfaces(data: unknown): readonly Interface[] {
  const list = Array.isArray(data) ? data : toFields(data)["result"];
  return toList(list).map((row) => {
    const listed = toList(row["ip-addresses"]).map((address) => toText(address["ip-address"]));
    // Older versions have these two alone, with the prefix behind.
    const short = [row["inet"], row["inet6"]].map((text) => toText(text).split("/")[0] ?? "");
    return { name: toText(row["name"]), addresses: (listed.length > 0 ? listed : short).filter((text) => text !== "") };
  });
}

/** Keys of a guest's configuration, as text. */
export function readConfig(data: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(toFields(data)).map(([key, value]) => [key, toText(value)]));
}

/** Rights by path. */
export function readPermissions(data: unknown): ReadonlyMap<string, ReadonlySet<string>> {
  return new Map(
    Object.entries(toFields(data)).map(([path, rights]) => [path, new Set(Object.keys(toFields(rights)))] as const),
  );
}

/** Separated by `;` in the API, also by `,` or spaces where a person wrote them. */
function readTags(value: unknown): readonly string[] {
  return toText(value)
    .split(/[;,\s]+/)
    .filter((tag) => tag !== "");
}

export function toList(data: unknown): readonly Fields[] {
  return Array.isArray(data) ? data.filter((row) => typeof row === "object" && row !== null) : [];
}

function toFields(data: unknown): Fields {
  return typeof data === "object" && data !== null ? (data as Fields) : {};
}

export function toText(value: unknown): string {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

function toOptionalText(value: unknown): string | null {
  const text = toText(value);
  return text === "" ? null : text;
}

function toNumber(value: unknown): number | null {
  if (typeof value === "number") return value;
  return typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value)) ? Number(value) : null;
}

function toFlag(value: unknown): boolean {
  return value === true || value === 1 || value === "1";
}
