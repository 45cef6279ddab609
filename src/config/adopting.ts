import type { ForeignProblem, Labels } from "./foreign-door.ts";
import { readForeignDoors } from "./foreign-labels.ts";

/** Other systems whose labels a docker provider can read (`labels:`). */
export type LabelSystem = "godoxy" | "dag" | "sablier";

/** A container beside the one that is read. */
export interface LabelPeer {
  /** What others depend on it by: the container's name, or its service's in a compose file. */
  readonly name: string;
  readonly labels: Labels;
  /** The container's own name where that is another. */
  readonly containerName?: string;
}

export interface AdoptInput {
  readonly labels: Labels;
  readonly containerName: string;
  /** Every container of the engine, as far as they are known. */
  readonly peers: readonly LabelPeer[];
  /** GoDoxy's `match_domains`: what a short alias is completed with. */
  readonly domains: readonly string[];
}

/** Another system's labels in nodoff's words. */
export interface Adopted {
  /** `nodoff.…` labels, `nodoff.enable` among them; null = seen, and left alone: `notes` say why. */
  readonly labels: Labels | null;
  /** Which label each of them comes from. */
  readonly from: ReadonlyMap<string, string>;
  /** Labels seen and not adopted. */
  readonly notes: readonly ForeignProblem[];
  /** Labels that are wrong. */
  readonly problems: readonly ForeignProblem[];
}

/** Gathers what one container's labels come to. */
export interface Adopting {
  /** Adds `nodoff.<key>`; `from` is the label that says so, or the system's own default. */
  set(key: string, value: string, from: string): void;
  note(key: string, message: string): void;
  wrong(key: string, message: string): void;
  done(): Adopted;
  /** The container is left alone. */
  leave(): Adopted;
}

export function createAdopting(): Adopting {
  const labels: Record<string, string> = { "nodoff.enable": "true" };
  const from = new Map<string, string>();
  const notes: ForeignProblem[] = [];
  const problems: ForeignProblem[] = [];
  return {
    set(key, value, source) {
      labels[`nodoff.${key}`] = value;
      from.set(`nodoff.${key}`, source);
    },
    note: (key, message) => void notes.push({ key, message }),
    wrong: (key, message) => void problems.push({ key, message }),
    done: () => ({ labels, from, notes, problems }),
    leave: () => ({ labels: null, from, notes, problems }),
  };
}

/** Whether something besides the system's own labels says which host leads to the container. */
export function hasHost(labels: Labels): boolean {
  const isOwn = (key: string): boolean => /^nodoff\.(?:hosts?$|routes\.)/.test(key);
  return Object.keys(labels).some(isOwn) || readForeignDoors(labels).doors.length > 0;
}

const goUnits = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1, d: 86_400_000, w: 604_800_000, M: 2_592_000_000 } as const;

/**
 * Milliseconds behind a duration as Go writes it (`1h30m`, `1.5h`, `500ms`), with GoDoxy's `d`, `w` and `M` (30 days);
 * a bare number is seconds. undefined = none of these; negative ones are.
 */
export function parseGoDuration(text: string): number | undefined {
  const given = text.trim();
  if (/^-?\d+$/.test(given)) return Number(given) * 1_000;
  if (!/^-?(?:\d+(?:\.\d+)?(?:ms|[hmsdwM]))+$/.test(given)) return undefined;
  const parts = given.matchAll(/(\d+(?:\.\d+)?)(ms|[hmsdwM])/g);
  const total = Array.from(parts, ([, amount, unit]) => Number(amount) * goUnits[unit as keyof typeof goUnits]).reduce(
    (sum, ms) => sum + ms,
    0,
  );
  return Math.round(given.startsWith("-") ? -total : total);
}

/** A duration as nodoff.yaml has it: `90m` becomes `1h30m`. */
export function toDurationText(ms: number): string {
  if (ms === 0) return "0";
  let left = ms;
  let text = "";
  for (const unit of ["d", "h", "m", "s", "ms"] as const) {
    const count = Math.floor(left / goUnits[unit]);
    left -= count * goUnits[unit];
    if (count > 0) text += `${count}${unit}`;
  }
  return text;
}

/** The parts of a list as those systems take them: between commas, spaces or lines; a YAML list's dashes are dropped. */
export function splitWords(text: string): readonly string[] {
  return text
    .replace(/^\s*\[(.*)\]\s*$/s, "$1")
    .split(/[\s,]+/)
    .map((word) => word.replace(/^["']|["']$/g, ""))
    .filter((word) => word !== "" && word !== "-");
}

/**
 * A schedule between two cron expressions that differ in hour and minute only, as windows of nodoff: how long after the
 * first the second follows, in ms. undefined where that is not the same every time.
 */
export function toCronSpan(start: string, stop: string): number | undefined {
  const [from, to] = [start, stop].map((cron) => cron.trim().split(/\s+/));
  if (from?.length !== 5 || to?.length !== 5 || from.slice(2).join(" ") !== to.slice(2).join(" ")) return undefined;
  const at = (fields: readonly string[]): number => {
    const [minute = "", hour = ""] = fields;
    return /^\d+$/.test(minute) && /^\d+$/.test(hour) ? Number(hour) * 60 + Number(minute) : Number.NaN;
  };
  const minutes = at(to) - at(from);
  return Number.isNaN(minutes) || minutes === 0 ? undefined : (minutes < 0 ? minutes + 1_440 : minutes) * 60_000;
}
