import type { Change, EngineHealth } from "../../core/provider.ts";
import type { Entry } from "./containers.ts";
import type { Marks } from "./marks.ts";
import { intervalMs } from "./look.ts";
import type { RawContainer, RawEvent } from "./raw.ts";
import { asksToEnd } from "../stop-signal.ts";

/** What one event means. `relist`: only a new list can say what is there now. */
export interface Meaning {
  readonly change: Change | null;
  readonly relist: boolean;
}

export interface EventContext {
  /** What the last list said of it. */
  readonly known: (id: string) => Entry | undefined;
  readonly marks: Marks;
  readonly podman: boolean;
}

/** Asked of Docker. Podman does not know all of these names, so there everything is read and sorted out here. */
export const eventsOfInterest: readonly string[] = [
  "create",
  "rename",
  "update",
  "destroy",
  "start",
  "pause",
  "unpause",
  "kill",
  "stop",
  "die",
  "health_status",
];

const nothing: Meaning = { change: null, relist: false };
const relist: Meaning = { change: null, relist: true };
/** TERM, KILL and INT as exit codes: what is left to go by where no `kill` event is sent. */
const signalExitCodes: ReadonlySet<number> = new Set([130, 137, 143]);

/** Reads one event of a container, in the order the engine told them; keeps in `marks` what later ones depend on. */
export function createEventReader({ known, marks, podman }: EventContext): (event: RawEvent) => Meaning {
  /** Unasked ends in a row, for `on-failure:N`. */
  const failures = new Map<string, number>();

  const restarts = (raw: RawContainer, exitCode: number | null): boolean => {
    const { Name: policy, MaximumRetryCount: limit = 0 } = raw.HostConfig?.RestartPolicy ?? {};
    if (policy === "always" || policy === "unless-stopped") return true;
    if (policy !== "on-failure" || exitCode === 0) return false;
    const before = failures.get(raw.Id) ?? raw.RestartCount ?? 0;
    const again = limit === 0 || before < limit;
    if (again) failures.set(raw.Id, before + 1);
    else failures.set(raw.Id, 0);
    return again;
  };
  const toExit = (id: string, at: number, event: RawEvent): Change => {
    const text = event.Actor?.Attributes?.["exitCode"];
    const exitCode = text === undefined || Number.isNaN(Number(text)) ? null : Number(text);
    const asked = marks.isAsked(id) || (podman && exitCode !== null && signalExitCodes.has(exitCode));
    marks.unask(id);
    // Whoever starts it next, the engine counts from 0 again.
    if (asked) failures.set(id, 0);
    const raw = known(id)?.raw;
    const again = !asked && raw !== undefined && raw !== null && restarts(raw, exitCode);
    return { kind: "exited", refs: refsOf(event, known(id)), at, asked, exitCode, restarts: again };
  };
  const toHealthChange = (id: string, at: number, event: RawEvent): Meaning => {
    const health = healthOf(event);
    if (health === undefined) return nothing;
    const raw = known(id)?.raw;
    const missed = raw !== undefined && raw !== null && marks.resumedWithin(id, intervalMs(raw));
    if (health === "unhealthy" && missed) return nothing;
    return { change: { kind: "health", refs: refsOf(event, known(id)), at, health }, relist: false };
  };

  return (event) => {
    const id = event.Actor?.ID;
    if (event.Type !== "container" || id === undefined) return nothing;
    const at = Math.floor((event.timeNano ?? 0) / 1e6);
    const refs = refsOf(event, known(id));
    switch (event.Action?.split(":")[0]) {
      case "create":
      case "rename":
      case "update":
        return relist;
      case "start":
        marks.unask(id);
        return { change: { kind: "started", refs, at }, relist: known(id) === undefined };
      case "kill": {
        const stopSignal = known(id)?.raw?.Config?.StopSignal;
        if (asksToEnd(event.Actor?.Attributes?.["signal"] ?? "", stopSignal)) marks.ask(id);
        return nothing;
      }
      case "stop":
        // After `die` on Docker, where the next start takes it back; before it elsewhere.
        marks.ask(id);
        return nothing;
      case "die":
      case "died":
        return { change: toExit(id, at, event), relist: false };
      case "pause":
        return { change: { kind: "paused", refs, at }, relist: false };
      case "unpause":
        marks.turned(id, "running");
        // The engine thaws what it is about to stop: no return to life, unless the signal is ignored.
        return marks.isAsked(id) ? relist : { change: { kind: "resumed", refs, at }, relist: false };
      case "health_status":
        return toHealthChange(id, at, event);
      case "destroy":
      case "remove":
        marks.drop(id);
        failures.delete(id);
        return { change: { kind: "deleted", refs, at }, relist: false };
      default:
        return nothing;
    }
  };
}

function refsOf(event: RawEvent, known: Entry | undefined): readonly string[] {
  if (known !== undefined) return known.look.refs;
  const name = event.Actor?.Attributes?.["name"];
  return [name ?? event.Actor?.ID ?? ""];
}

/** Docker: `health_status: healthy`. Podman: `health_status` and an attribute. */
function healthOf({ Action = "", Actor }: RawEvent): EngineHealth | undefined {
  const text = Action.split(":")[1]?.trim() ?? Actor?.Attributes?.["health_status"];
  return text === "healthy" || text === "unhealthy" || text === "starting" ? text : undefined;
}

/** The longest line worth keeping: labels are part of each event. */
const maxLine = 1_048_576;

/** Cuts NDJSON into events: a chunk may hold half of one or several. What is no JSON is left out. */
export function createLineReader(onEvent: (event: RawEvent) => void): (chunk: string) => void {
  let rest = "";
  return (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > maxLine) rest = "";
    for (const line of lines) {
      const event = parseEvent(line);
      if (event !== undefined) onEvent(event);
    }
  };
}

function parseEvent(line: string): RawEvent | undefined {
  if (line.trim() === "") return undefined;
  try {
    const event: unknown = JSON.parse(line);
    return typeof event === "object" && event !== null ? event : undefined;
  } catch {
    return undefined;
  }
}
