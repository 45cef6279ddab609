import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import type { Clock } from "../../core/clock.ts";
import { toFailure } from "../../core/errors.ts";
import { cannotCheck, type Check, failed, type Finding, passed, withinTime } from "./check.ts";

/**
 * The folder is there and may be read. `underWay` holds the looks that have not ended, by folder: one at a share that
 * is away can hang for hours and holds one of four threads, so a second one waits for the first.
 */
export function createFilesCheck(clock: Clock, root: string, underWay: Map<string, Promise<Finding>>): Check {
  return (options) =>
    withinTime({ ...options, clock }, (settle) => {
      const look = underWay.get(root) ?? lookAt(root).finally(() => underWay.delete(root));
      underWay.set(root, look);
      void look.then((finding) => settle({ ...finding, untimed: true }));
      return () => undefined;
    });
}

async function lookAt(root: string): Promise<Finding> {
  try {
    if (!(await stat(root)).isDirectory()) return failed("not a folder");
    await access(root, constants.R_OK | constants.X_OK);
    return passed("readable");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return failed("does not exist");
    if (code === "EACCES" || code === "EPERM") return failed("may not be read");
    return cannotCheck(toFailure(error).message);
  }
}
