import type { Look, Power } from "../../core/provider.ts";
import type { GuestRow, GuestType, Status } from "./raw.ts";

/** What is known of one guest. Changed only by `guests.ts`. */
export interface Guest {
  /** `lxc/100`, `vm/101`. */
  readonly key: string;
  readonly type: GuestType;
  readonly vmid: number;
  node: string;
  /** The newest row about it. */
  row: GuestRow;
  power: Exclude<Power, "restarting">;
  /** Wall clock ms; kept steady although each answer gives it only to the second. */
  startedAt: number | null;
  lock: string | null;
  ha: string | null;
  template: boolean;
  /** Words of the last start that failed. */
  error: string | null;
  /** What tags and notes declare, as labels. */
  labels: Readonly<Record<string, string>>;
  warnings: readonly string[];
  /** Monotonic ms of the last live look. */
  lookedAt: number;
  /** A row that a live look proved out of date: not asked about again until it changes. */
  refuted: string;
  /** No traffic and no CPU time from one row to the next. */
  still: boolean;
  /** Calls of ours under way: what others see meanwhile is their doing. */
  busy: number;
  /** A stop of ours is under way, or just ended. */
  asked: boolean;
  /** CPU time since its start, added up from row to row, and when the last one was. */
  cpuMs: number;
  countedAt: number;
}

export function keyOf({ type, vmid }: { readonly type: GuestType; readonly vmid: number }): string {
  return `${type === "lxc" ? "lxc" : "vm"}/${vmid}`;
}

export function createGuest(row: GuestRow, now: number): Guest {
  return {
    key: keyOf(row),
    type: row.type,
    vmid: row.vmid,
    node: row.node,
    row,
    power: row.status === "running" ? "running" : "stopped",
    startedAt: null,
    lock: row.lock,
    ha: row.ha,
    template: row.template,
    error: null,
    labels: {},
    warnings: [],
    lookedAt: Number.NEGATIVE_INFINITY,
    refuted: "",
    still: false,
    busy: 0,
    asked: false,
    cpuMs: 0,
    countedAt: now,
  };
}

/** Names a configuration may use: by id, by name, by name and node. Only the id is sure to be its own. */
export function namesOf({ key, type, row, node }: Guest): readonly string[] {
  const kind = type === "lxc" ? "lxc" : "vm";
  return row.name === "" ? [key] : [key, `${kind}/${row.name}`, `${kind}/${row.name}@${node}`];
}

/** As people read it: `lxc/100 (web) on pve1`. */
export function describeGuest({ key, row, node }: Guest): string {
  return `${key}${row.name === "" ? "" : ` (${row.name})`} on ${node}`;
}

/** A VM saved to disk is off: a start goes on where it was. */
export function toPower({ running, paused }: Status): Guest["power"] {
  if (!running) return "stopped";
  return paused ? "paused" : "running";
}

export function toLook(guest: Guest, refs: readonly string[]): Look {
  const { key, power, startedAt, error, labels, warnings, template } = guest;
  return {
    refs,
    id: idOf(key, labels),
    power,
    startedAt,
    // Proxmox VE keeps none.
    exitCode: null,
    error,
    health: "none",
    labels,
    refusal: template ? "it is a template" : null,
    warnings,
  };
}

/** Tags and notes can change at any time, and what they say is read once per id. */
function idOf(key: string, labels: Readonly<Record<string, string>>): string {
  const said = Object.entries(labels);
  return said.length === 0 ? key : `${key} ${said.map(([name, value]) => `${name}=${value}`).join(" ")}`;
}

/** Stands for a name that several guests have: whoever asks for it is told which they are. */
export function ambiguousLook(ref: string, guests: readonly Guest[]): Look {
  return {
    refs: [ref],
    id: ref,
    power: "stopped",
    startedAt: null,
    exitCode: null,
    error: null,
    health: "none",
    labels: {},
    refusal: ambiguity(ref, guests),
    warnings: [],
  };
}

export function ambiguity(ref: string, guests: readonly Guest[]): string {
  const name = ref.slice(ref.indexOf("/") + 1);
  return `"${name}" is the name of several guests: ${guests.map(describeGuest).join(", ")}; give the id`;
}
