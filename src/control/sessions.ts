import { randomBytes } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import type { Login } from "./person.ts";
import { fingerprint } from "./secrets.ts";

/** Who signed in with a browser. In memory: a restart signs everybody out. */
export interface Sessions {
  /** A new one; its id is the secret the cookie carries. */
  open(login: Login): string;
  /** Whose it is; null = there is none of that id, or it is over. Finding it keeps it for another while. */
  find(id: string): Login | null;
  close(id: string): void;
}

const idleMs = 24 * 3_600_000;
const longestMs = 7 * 24 * 3_600_000;
const mostSessions = 1_000;
const idBytes = 32;

interface Session {
  readonly login: Login;
  readonly openedAt: number;
  usedAt: number;
}

export function createSessions({ clock }: { readonly clock: Clock }): Sessions {
  // By fingerprint: how long a look-up takes tells nothing of the ids there are.
  const sessions = new Map<string, Session>();
  const isOver = ({ openedAt, usedAt }: Session): boolean =>
    clock.now() - usedAt >= idleMs || clock.now() - openedAt >= longestMs;
  return {
    open(login) {
      for (const [key, session] of sessions) if (isOver(session)) sessions.delete(key);
      for (const oldest of sessions.keys()) {
        if (sessions.size < mostSessions) break;
        sessions.delete(oldest);
      }
      const id = randomBytes(idBytes).toString("base64url");
      sessions.set(fingerprint(id), { login, openedAt: clock.now(), usedAt: clock.now() });
      return id;
    },
    find(id) {
      const session = sessions.get(fingerprint(id));
      if (session === undefined || isOver(session)) return null;
      session.usedAt = clock.now();
      return session.login;
    },
    close: (id) => void sessions.delete(fingerprint(id)),
  };
}
