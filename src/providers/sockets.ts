import { readdirSync, readlinkSync } from "node:fs";
import { NodoffError } from "../core/errors.ts";
import type { OpenConnection } from "../core/provider.ts";
import type { Socket } from "./socket-table.ts";

interface Rules {
  /** Whether connections to this listening socket are its own. */
  readonly isDoor: (socket: Socket) => boolean;
  /** Whether both ends of the connection are its own. */
  readonly isInner: (socket: Socket) => boolean;
}

/** Connections to doors; what was opened from here has a local port on which nobody listens. */
function select(sockets: readonly Socket[], { isDoor, isInner }: Rules): readonly OpenConnection[] {
  const doors = new Map<number, string[]>();
  for (const socket of sockets) {
    if (socket.state !== "listening" || !isDoor(socket)) continue;
    doors.set(socket.port, [...(doors.get(socket.port) ?? []), socket.address]);
  }
  const isIncoming = ({ state, address, port }: Socket): boolean =>
    state === "established" &&
    (doors.get(port)?.some((door) => door === address || door === "0.0.0.0" || door === "::") ?? false);
  return sockets
    .filter((socket) => isIncoming(socket) && !isInner(socket))
    .map(({ port, peerAddress, peerPort }) => ({
      port,
      peer: `${peerAddress.includes(":") ? `[${peerAddress}]` : peerAddress}:${peerPort}`,
    }));
}

/** Connections from outside of a network namespace of its own. What comes over loopback, or from itself, is not. */
export function incoming(sockets: readonly Socket[]): readonly OpenConnection[] {
  return select(sockets, {
    isDoor: () => true,
    isInner: ({ address, peerAddress }) => isLoopback(address) || isLoopback(peerAddress) || address === peerAddress,
  });
}

/** Connections to these ports in a namespace shared with others, where nothing better is known. */
export function incomingTo(sockets: readonly Socket[], ports: readonly number[]): readonly OpenConnection[] {
  return select(sockets, { isDoor: ({ port }) => ports.includes(port), isInner: () => false });
}

function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}

/** Connections to some processes in a namespace shared with others. */
export interface OwnSockets {
  /** To what they listen on, also over loopback, unless they hold the other end too. */
  incoming(sockets: readonly Socket[]): readonly OpenConnection[];
}

/**
 * `held` tells the inodes they hold now. That is dear, so it is asked only about sockets not seen before: an inode is
 * not used again for another socket.
 */
export function createOwnSockets(held: () => ReadonlySet<string>): OwnSockets {
  let judged = new Map<string, boolean>();
  return {
    incoming(sockets) {
      const now = new Map<string, boolean>();
      let inodes: ReadonlySet<string> | null = null;
      const owns = (inode: string): boolean => {
        const known = judged.get(inode) ?? (inodes ??= held()).has(inode);
        now.set(inode, known);
        return known;
      };
      let inodeOf: ReadonlyMap<string, string> | null = null;
      const found = select(sockets, {
        isDoor: ({ inode }) => owns(inode),
        isInner({ address, port, peerAddress, peerPort }) {
          inodeOf ??= new Map(sockets.map((socket) => [ends(socket), socket.inode]));
          const other = inodeOf.get(`${peerAddress} ${peerPort} ${address} ${port}`);
          return other !== undefined && owns(other);
        },
      });
      judged = now;
      return found;
    },
  };
}

function ends({ address, port, peerAddress, peerPort }: Socket): string {
  return `${address} ${port} ${peerAddress} ${peerPort}`;
}

/** Inodes of the sockets these processes hold open, those that ended left out. Throws PROVIDER_FORBIDDEN if all refuse. */
export function heldSockets(proc: string, pids: readonly number[]): ReadonlySet<string> {
  const inodes = new Set<string>();
  let refused: unknown;
  let seen = 0;
  for (const pid of pids) {
    try {
      for (const inode of socketsOf(`${proc}/${pid}/fd`)) inodes.add(inode);
      seen++;
    } catch (error) {
      if (["EACCES", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) refused = error;
    }
  }
  if (seen > 0 || refused === undefined) return inodes;
  const message = `no right to see the open files of process ${pids[0]}: it runs as another user (CAP_SYS_PTRACE)`;
  throw new NodoffError("PROVIDER_FORBIDDEN", message, { cause: refused });
}

function socketsOf(folder: string): readonly string[] {
  return readdirSync(folder).flatMap((name) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/${name}`))?.[1] ?? [];
    } catch {
      // Closed since the folder was read.
      return [];
    }
  });
}
