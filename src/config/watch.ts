import { statSync, watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Cancel, Clock } from "../core/clock.ts";

export interface WatchDeps {
  readonly clock: Clock;
  /** Quiet time after the last change before it is told; default 200 ms. */
  readonly debounceMs?: number;
  /** How often it is looked at without being told to; default 5 s. */
  readonly pollMs?: number;
}

export interface ConfigWatch {
  /** Ends watching; nothing is told any more. */
  close(): void;
}

/**
 * Calls `onChange` when what `file` leads to has become another file or got another content: edited in place, replaced
 * by rename, a symlink turned (Kubernetes). A file that is away is waited for, not told. Start it before the first load,
 * so that no change falls between. Events only make it quick: bind mounts and network drives may send none, so it is
 * also looked at every `pollMs`.
 */
export function watchConfig(file: string, onChange: () => void, deps: WatchDeps): ConfigWatch {
  const { clock, debounceMs = 200, pollMs = 5_000 } = deps;
  let told = signatureNow(file);
  let seen = told;
  let closed = false;
  let looking = false;
  let lookAgain = false;
  let cancelTell: Cancel = () => undefined;
  const watchers = createWatchers(file, () => void look());

  const settle = (signature: string | null): void => {
    watchers.renew();
    if (signature === seen) return;
    seen = signature;
    cancelTell();
    if (signature === null || signature === told) return;
    cancelTell = clock.after(debounceMs, () => {
      told = signature;
      onChange();
    });
  };
  const look = async (): Promise<void> => {
    lookAgain = looking;
    if (looking || closed) return;
    looking = true;
    const signature = await signatureOf(file);
    looking = false;
    if (closed) return;
    settle(signature);
    if (lookAgain) await look();
  };
  const poll = (): Cancel =>
    clock.after(pollMs, () => {
      void look();
      cancelPoll = poll();
    });
  let cancelPoll = poll();
  watchers.renew();
  return {
    close() {
      closed = true;
      cancelPoll();
      cancelTell();
      watchers.close();
    },
  };
}

interface Watchers {
  /** Watches again whatever is not watched any more. */
  renew(): void;
  close(): void;
}

/** The folder tells of renames and links; the file itself tells of edits when it is mounted into the folder. */
function createWatchers(file: string, onEvent: () => void): Watchers {
  const open = new Map<string, FSWatcher>();
  const drop = (path: string): void => {
    open.get(path)?.close();
    open.delete(path);
  };
  const start = (path: string): void => {
    if (open.has(path)) return;
    try {
      const watcher = watch(path, { persistent: false }, (event) => {
        // After a rename the watcher of the file still holds the old one.
        if (event === "rename" && path === file) drop(path);
        onEvent();
      });
      watcher.on("error", () => drop(path));
      open.set(path, watcher);
    } catch {
      // Away, or no watches left: the poll finds it.
    }
  };
  const paths = [dirname(file), file];
  return {
    renew: () => {
      for (const path of paths) start(path);
    },
    close: () => {
      for (const path of paths) drop(path);
    },
  };
}

/** Which file it is and in which state, links followed; null while there is none. */
async function signatureOf(file: string): Promise<string | null> {
  try {
    return toSignature(await stat(file, { bigint: true }));
  } catch {
    return null;
  }
}

function signatureNow(file: string): string | null {
  try {
    return toSignature(statSync(file, { bigint: true }));
  } catch {
    return null;
  }
}

interface Stats {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
}

function toSignature({ dev, ino, size, mtimeNs }: Stats): string {
  return [dev, ino, size, mtimeNs].join(":");
}
