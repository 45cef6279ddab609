import type { Clock } from "../../../src/core/clock.ts";
import { createAccess } from "./access.ts";
import type { Access, Wording } from "./access.ts";
import { createRoutes } from "./api.ts";
import { createCertificate } from "./certificate.ts";
import type { Certificate } from "./certificate.ts";
import { createCluster } from "./cluster.ts";
import type { Cluster } from "./cluster.ts";
import { createFaults } from "./faults.ts";
import type { Faults } from "./faults.ts";
import { createHaManager } from "./ha.ts";
import { createOperations } from "./operations.ts";
import type { Operations } from "./operations.ts";
import { createDoor } from "./server.ts";
import type { Door, Journaled } from "./server.ts";

export interface PveOptions {
  readonly clock: Clock;
  readonly nodes?: readonly string[];
  /** How refused logins are worded; default `pve9`. */
  readonly wording?: Wording;
  /** Errors without `message`, as older versions send them. */
  readonly plainErrors?: boolean;
  /** Numbers as text. */
  readonly textNumbers?: boolean;
  /** Interfaces without `ip-addresses`. */
  readonly oldInterfaces?: boolean;
  readonly seed?: number;
}

/** A simulated Proxmox VE cluster behind real HTTPS. */
export interface Pve {
  readonly cluster: Cluster;
  readonly access: Access;
  readonly operations: Operations;
  readonly faults: Faults;
  /** Every request, in the order of arrival. */
  readonly journal: readonly Journaled[];
  /** Base address of each node's pveproxy. */
  readonly origins: readonly string[];
  readonly certificate: Certificate;
  /** The token most tests use, with the rights of docs/proxmox.md on /vms. */
  readonly token: { readonly id: string; readonly secret: string };
  /** Requests that wait for virtual time to pass. */
  readonly parked: { readonly count: number };
  /** POSTs that start something, as they arrived. */
  starts(): readonly Journaled[];
  posts(): readonly Journaled[];
  /** No node can be reached until `restore`. */
  lose(): Promise<void>;
  restore(): Promise<void>;
  /** From now on all nodes show another certificate. */
  renewCertificate(): Promise<void>;
  /** What somebody else does by hand, as root. */
  byHand(action: string, vmid: number): void;
  close(): Promise<void>;
}

export const guestRights = [
  "VM.Audit",
  "VM.PowerMgmt",
  "VM.GuestAgent.Audit",
  "VM.Config.Disk",
  "Datastore.AllocateSpace",
];
export const certificateNames = ["localhost", "127.0.0.1"];
const tokenId = "nodoff@pve!wake";

export async function openPve(options: PveOptions): Promise<Pve> {
  const { clock, nodes: nodeNames = ["pve1", "pve2"] } = options;
  const random = seeded(options.seed ?? 7);
  const cluster = createCluster({ clock, nodeNames, random });
  const access = createAccess(clock, { wording: options.wording ?? "pve9" });
  const token = { id: tokenId, secret: "01234567-89ab-cdef-0123-456789abcdef" };
  access.users.set("nodoff@pve", "secret");
  access.tokens.set(token.id, { ...token, privsep: true, expire: null });
  for (const who of ["nodoff@pve", token.id]) access.grant(who, "/vms", guestRights);
  const ha = createHaManager(cluster, random);
  const operations = createOperations(cluster, ha);
  ha.begin(operations);
  const faults = createFaults();
  const journal: Journaled[] = [];
  const parked = { count: 0 };
  const { textNumbers = false, plainErrors = false, oldInterfaces: old = false } = options;
  const routes = createRoutes({ cluster, access, operations, textNumbers, old });
  const doors: Door[] = nodeNames.map(() =>
    createDoor({ cluster, access, routes, faults, journal, plainErrors, parked }),
  );
  let certificate = createCertificate(certificateNames);
  const restore = async (): Promise<void> => {
    for (const door of doors) await door.open(certificate);
  };
  const lose = async (): Promise<void> => {
    for (const door of doors) await door.shut();
  };
  await restore();
  return {
    cluster,
    access,
    operations,
    faults,
    journal,
    get origins() {
      return doors.map(({ port }) => `https://127.0.0.1:${port}`);
    },
    get certificate() {
      return certificate;
    },
    token,
    parked,
    posts: () => journal.filter(({ method, path }) => method === "POST" && path !== "/access/ticket"),
    starts: () => journal.filter(({ method, path }) => method === "POST" && /\/(?:start|resume)$/.test(path)),
    lose,
    restore,
    async renewCertificate() {
      certificate = createCertificate(certificateNames);
      await lose();
      await restore();
    },
    byHand(action, vmid) {
      const guest = cluster.guests.get(String(vmid));
      if (guest === undefined) throw new Error(`no guest ${vmid}`);
      operations.run(action, guest, {}, { user: "root@pam" });
    },
    async close() {
      await cluster.close();
      await lose();
    },
  };
}

/** Mulberry32: the same run after run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
