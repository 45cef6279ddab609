import { NodoffError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { IoOptions, Look } from "../../core/provider.ts";
import { createChanges, noteUptime } from "./changes.ts";
import type { ChangesDeps } from "./changes.ts";
import type { CallOptions, Client } from "./client.ts";
import { ambiguity, ambiguousLook, createGuest, keyOf, namesOf, toLook } from "./guest.ts";
import type { Guest } from "./guest.ts";
import { PveError } from "./pve-error.ts";
import { readResources, readStatus, readStatuses } from "./raw.ts";
import type { GuestRow, NodeRow, Status } from "./raw.ts";
import { isDoubtful, printOf, takeRow } from "./report.ts";
import type { Around } from "./report.ts";

export interface GuestsDeps extends Omit<ChangesDeps, "refsOf"> {
  readonly name: string;
  readonly client: Client;
  readonly logger: Logger;
}

/** Every guest of the cluster. Live looks are the truth; rows of the one poll only say where to look. */
export interface Guests {
  /** All guests as they are now: rows, and one live list per node and kind. */
  connect(options: CallOptions): Promise<void>;
  /** Rows alone; live looks only at guests whose row disagrees with what is known. */
  poll(options: CallOptions): Promise<void>;
  /** Refs the configuration uses: only they are worth a live look. null = all. */
  expect(refs: ReadonlySet<string> | null): void;
  looks(): readonly Look[];
  all(): Iterable<Guest>;
  nodes(): readonly NodeRow[];
  look(guest: Guest): Look;
  /** The guest behind a ref; asks for the rows again before it is undefined. Rejects for a name of several. */
  find(ref: string, options: IoOptions): Promise<Guest | undefined>;
  /** As `find`, but rejects with GONE, or REFUSED for what must not be touched. */
  mine(ref: string, options: IoOptions): Promise<Guest>;
  need(ref: string, options: IoOptions): Promise<Guest>;
  /** A name that several guests have, as a look that says so. */
  ambiguous(ref: string): Look | undefined;
  /** What it is at this moment, wherever it is now; undefined = it was deleted. Changes nothing that is known. */
  read(guest: Guest, options: CallOptions): Promise<Status | undefined>;
  /** Takes over what a live look saw, and tells what changed. */
  settle(guest: Guest, status: Status): void;
}

/** Live looks per poll at VMs that do nothing, which may be paused. */
const idleLooks = 2;

export function createGuests(deps: GuestsDeps): Guests {
  const { client, clock, logger } = deps;
  const guests = new Map<string, Guest>();
  let nodes: readonly NodeRow[] = [];
  let byName = new Map<string, Guest[]>();
  let expected: ReadonlySet<string> | null = null;
  let fetching: Promise<readonly Guest[]> | null = null;
  const isExpected = (guest: Guest): boolean =>
    expected === null ||
    guest.labels["nodoff.enable"] !== undefined ||
    namesOf(guest).some((ref) => expected?.has(ref));
  const refsOf = (guest: Guest): readonly string[] =>
    namesOf(guest).filter((name) => name === guest.key || byName.get(name)?.length === 1);
  const { settle, deleted } = createChanges({ ...deps, refsOf });
  const isOffline = (node: string): boolean => nodes.some(({ name, online }) => name === node && !online);

  /** One request however many ask. Resolves with the guests whose row needs a live look. */
  async function refresh(options: CallOptions): Promise<readonly Guest[]> {
    const joined = fetching;
    if (joined === null) return fetch(options);
    try {
      return await joined;
    } catch (error) {
      // Whoever had asked gave up: that is no answer for us.
      if (error instanceof PveError || options.signal.aborted) throw error;
      return refresh(options);
    }
  }

  function fetch(options: CallOptions): Promise<readonly Guest[]> {
    fetching = client
      .api(options)
      .cluster.resources.$get()
      .then((data) => apply(readResources(data)))
      .finally(() => (fetching = null));
    return fetching;
  }

  function apply(resources: ReturnType<typeof readResources>): readonly Guest[] {
    ({ nodes } = resources);
    const now = clock.now();
    const before = structure();
    const suspects: Guest[] = [];
    const seen = new Set<string>();
    for (const row of resources.guests) {
      const key = keyOf(row);
      seen.add(key);
      const guest = guests.get(key);
      if (guest === undefined) guests.set(key, arrived(row, now));
      else if (takeRow(guest, row, aroundOf(guest, row.node))) suspects.push(guest);
    }
    const left = [...guests.values()].filter(({ key }) => !seen.has(key));
    for (const guest of left) guests.delete(guest.key);
    for (const guest of left) deleted(guest);
    byName = toNames(guests.values());
    if (structure() !== before) deps.restructured();
    return suspects;
  }

  function aroundOf(guest: Guest, node: string): Around {
    return { now: clock.now(), wall: clock.wall(), isExpected: isExpected(guest), isOffline: isOffline(node) };
  }

  /** What a list shows besides power: guests, their names and what their labels say. */
  function structure(): string {
    return [...guests.values()]
      .map((guest) => [guest.key, guest.row.name, guest.node, guest.template, guest.row.tags.join()].join(" "))
      .sort()
      .join("\n");
  }

  function arrived(row: GuestRow, now: number): Guest {
    const guest = createGuest(row, now);
    if (row.status === "running") noteUptime(guest, row.uptimeS, clock.wall());
    return guest;
  }

  async function confirm(suspects: readonly Guest[], options: CallOptions): Promise<void> {
    const doubtful = suspects.filter(isDoubtful);
    const idle = suspects
      .filter((guest) => !isDoubtful(guest))
      .sort((a, b) => a.lookedAt - b.lookedAt)
      .slice(0, idleLooks);
    await Promise.all([...doubtful, ...idle].map((guest) => confirmOne(guest, options)));
  }

  async function confirmOne(guest: Guest, options: CallOptions): Promise<void> {
    const before = guest.power;
    try {
      const status = await read(guest, options);
      if (status === undefined || guest.busy > 0) return;
      settle(guest, status);
      guest.refuted = guest.power === before ? printOf(guest.row) : "";
    } catch (error) {
      logger.debug("guest not readable", { ref: guest.key, error: String(error) });
    }
  }

  async function read(guest: Guest, options: CallOptions): Promise<Status | undefined> {
    for (let tries = 1; ; tries++) {
      const { node } = guest;
      if (isOffline(node)) throw new PveError("gateway", `its node ${node} is offline`);
      try {
        const data = await client.api(options).nodes.$(node)[guest.type].$(guest.vmid).status.current.$get();
        return readStatus(data);
      } catch (error) {
        if (!(error instanceof PveError) || (error.kind !== "moved" && error.kind !== "permission")) throw error;
        await refresh(options);
        if (guests.get(guest.key) !== guest) return undefined;
        // It moved, or (same node) its configuration is being moved at this moment.
        if (error.kind === "permission" || tries === 3) throw error;
      }
    }
  }

  async function find(ref: string, options: IoOptions): Promise<Guest | undefined> {
    if (!byName.has(ref)) await refresh(options);
    const [first, second] = byName.get(ref) ?? [];
    if (second !== undefined) throw new NodoffError("REFUSED", ambiguity(ref, byName.get(ref) ?? []));
    return first;
  }

  async function need(ref: string, options: IoOptions): Promise<Guest> {
    const guest = await find(ref, options);
    if (guest !== undefined) return guest;
    throw new NodoffError("GONE", `${deps.name} has no ${ref}, or the ${client.who} lacks VM.Audit on it`);
  }

  return {
    async connect(options) {
      await refresh(options);
      const online = nodes.filter(({ online }) => online);
      await Promise.all(online.map(({ name }) => readNode(name, options)));
    },
    async poll(options) {
      await confirm(await refresh(options), options);
    },
    expect(refs) {
      expected = refs;
    },
    looks: () => [
      ...Array.from(guests.values(), (guest) => toLook(guest, refsOf(guest))),
      ...[...byName].flatMap(([name, owners]) => (owners.length > 1 ? [ambiguousLook(name, owners)] : [])),
    ],
    all: () => guests.values(),
    nodes: () => nodes,
    look: (guest) => toLook(guest, refsOf(guest)),
    find,
    need,
    async mine(ref, options) {
      const guest = await need(ref, options);
      if (guest.template) throw new NodoffError("REFUSED", `${ref} is a template: it never runs`);
      return guest;
    },
    ambiguous(ref) {
      const owners = byName.get(ref) ?? [];
      return owners.length > 1 ? ambiguousLook(ref, owners) : undefined;
    },
    read,
    settle,
  };

  /** All guests of one node, live, by two calls. One that cannot be read leaves its guests to their rows. */
  async function readNode(node: string, options: CallOptions): Promise<void> {
    for (const type of ["lxc", "qemu"] as const) {
      if (![...guests.values()].some((guest) => guest.type === type && guest.node === node)) continue;
      try {
        const path = client.api(options).nodes.$(node);
        const statuses = readStatuses(await (type === "lxc" ? path.lxc.$get() : path.qemu.$get({ full: true })));
        for (const guest of guests.values()) {
          const status = guest.type === type && guest.node === node ? statuses.get(guest.vmid) : undefined;
          // These lists know nothing of HA: the row does.
          if (status !== undefined && guest.busy === 0) settle(guest, { ...status, ha: guest.ha });
        }
      } catch (error) {
        if (options.signal.aborted || (error instanceof PveError && error.kind === "auth")) throw error;
        logger.debug("node not readable", { node, error: String(error) });
      }
    }
  }
}

function toNames(guests: Iterable<Guest>): Map<string, Guest[]> {
  const names = new Map<string, Guest[]>();
  for (const guest of guests) for (const name of namesOf(guest)) names.set(name, [...(names.get(name) ?? []), guest]);
  return names;
}
