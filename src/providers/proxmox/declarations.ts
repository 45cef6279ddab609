import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import type { CallOptions, Client } from "./client.ts";
import type { Guest } from "./guest.ts";
import { PveError } from "./pve-error.ts";
import { readConfig } from "./raw.ts";

export interface Declarations {
  /** Reads the notes of guests with the tag `nodoff`; true when what some guest declares became another. */
  update(guests: Iterable<Guest>, options: CallOptions): Promise<boolean>;
}

/** Notes are read again after this long: nothing tells that they changed. */
const notesMs = 300_000;
const optIn = "nodoff";

/** Shorter names that fit a tag. */
const shortKeys: Readonly<Record<string, string>> = {
  idle: "idle_timeout",
  wake: "wake_timeout",
  stop: "stop_method",
};

interface Known {
  readonly tags: string;
  readonly readAt: number;
}

/**
 * What guests say of themselves, as the labels of a container: the tag `nodoff` opts in, `nodoff-idle-15m` is
 * `nodoff.idle_timeout=15m`, and a line `nodoff.host=blog.example.com` of the notes is what it looks like.
 */
export function createDeclarations(deps: {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
}): Declarations {
  const { client, clock, logger } = deps;
  const known = new Map<string, Known>();

  async function notesOf(guest: Guest, options: CallOptions): Promise<Readonly<Record<string, string>>> {
    const node = client.api(options).nodes.$(guest.node);
    const data: unknown = await (guest.type === "lxc" ? node.lxc : node.qemu).$(guest.vmid).config.$get();
    return readConfig(data);
  }

  /** Keeps what was known where it cannot be read now. */
  async function declare(guest: Guest, options: CallOptions): Promise<void> {
    const tags = labelsOfTags(guest.row.tags);
    try {
      const config = await notesOf(guest, options);
      guest.labels = { ...tags, ...labelsOfNotes(config["description"] ?? "") };
      guest.warnings = config["onboot"] === "1" ? ["onboot is set: it starts, and wakes, whenever its node does"] : [];
    } catch (error) {
      if (options.signal.aborted || !(error instanceof PveError) || error.kind === "auth") throw error;
      logger.debug("notes not readable", { ref: guest.key, error: error.message });
      guest.labels = { ...guest.labels, ...tags };
    }
  }

  return {
    async update(guests, options) {
      let isChanged = false;
      for (const guest of guests) {
        const tags = guest.row.tags.join(";");
        if (!guest.row.tags.includes(optIn)) {
          if (known.delete(guest.key)) {
            guest.labels = {};
            isChanged = true;
          }
          continue;
        }
        const before = known.get(guest.key);
        const isNew = Object.keys(guest.labels).length === 0;
        if (!isNew && before?.tags === tags && clock.now() - before.readAt < notesMs) continue;
        const said = JSON.stringify(guest.labels);
        await declare(guest, options);
        known.set(guest.key, { tags, readAt: clock.now() });
        if (JSON.stringify(guest.labels) !== said) isChanged = true;
      }
      return isChanged;
    },
  };
}

/** Exported for its test. Tags that do not begin with `nodoff` are somebody else's. */
export function labelsOfTags(tags: readonly string[]): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  if (tags.includes(optIn)) labels["nodoff.enable"] = "true";
  for (const tag of tags) {
    const [, key = "", value = ""] = /^nodoff-([a-z_]+)-(.+)$/.exec(tag) ?? [];
    if (key !== "") labels[`nodoff.${shortKeys[key] ?? key}`] = value;
  }
  return labels;
}

/** Lines `nodoff.key=value`, also as items of a Markdown list or in backquotes. */
export function labelsOfNotes(notes: string): Readonly<Record<string, string>> {
  const lines = notes
    .split(/\r?\n/)
    .map((line) => /^\s*(?:[-*]\s+)?`?(nodoff\.[\w.-]+)\s*[=:]\s*(.*?)`?\s*$/.exec(line));
  return Object.fromEntries(lines.flatMap((match) => (match === null ? [] : [[match[1] ?? "", match[2] ?? ""]])));
}
