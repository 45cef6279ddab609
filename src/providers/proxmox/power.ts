import { NodoffError } from "../../core/errors.ts";
import type { IoOptions, Provider } from "../../core/provider.ts";
import { untilAborted, wait } from "../deadline.ts";
import { toPower } from "./guest.ts";
import type { Guest } from "./guest.ts";
import { createCarryOut } from "./carry-out.ts";
import type { CarryOutDeps, Failed } from "./carry-out.ts";
import type { Command } from "./commands.ts";
import { kindOfText, PveError, toProviderError, withMend } from "./pve-error.ts";
import type { Status } from "./raw.ts";

export interface PowerDeps extends CarryOutDeps {
  /** Something of ours happened: polls should come often for a while. */
  readonly stirred: () => void;
}

type PowerCalls = Required<Pick<Provider, "start" | "stop" | "pause" | "resume" | "kill" | "suspend">>;

/** What a task does shows at the guest at once; the HA manager needs two rounds of 10 s, and a move its time. */
const effectMs = 5_000;
const haEffectMs = 120_000;
/** Patience with tasks beyond what the guest was given: nobody else ends the wait for a stop. */
const taskGraceMs = 60_000;
const startLimitMs = 600_000;
const defaultShutdownMs = 60_000;
const migrationLimitMs = 300_000;
const firstLookMs = 300;
const lastLookMs = 1_000;
const brokenHa = new Set(["error", "fence", "freeze"]);

interface Aim {
  readonly command: Command;
  readonly isDone: (status: Status) => boolean;
  /** For people: `start`. */
  readonly verb: string;
  readonly limitMs: number;
}

/**
 * Level-triggered power calls: each looks first, and after any error or end of a task looks again and judges by what the
 * guest is, never by what was said. One at a time per guest.
 */
export function createPower(deps: PowerDeps): PowerCalls {
  const { guests, clock } = deps;
  const carryOut = createCarryOut(deps);
  const turns = new Map<string, Promise<void>>();

  /** Runs `work` after whatever else is under way for this guest, and takes over what it is in the end. */
  async function inTurn(
    ref: string,
    io: IoOptions,
    work: (guest: Guest, status: Status) => Promise<void>,
  ): Promise<void> {
    const guest = await guests.mine(ref, io);
    const before = turns.get(guest.key) ?? Promise.resolve();
    const turn = untilAborted(before, io.signal).then(() => whileBusy(guest, io, work));
    // Whoever gives up waiting does not let the next one past the one before.
    const over = Promise.allSettled([before, turn]).then(() => {
      if (turns.get(guest.key) === over) turns.delete(guest.key);
    });
    turns.set(guest.key, over);
    return turn;
  }

  async function whileBusy(
    guest: Guest,
    io: IoOptions,
    work: (guest: Guest, status: Status) => Promise<void>,
  ): Promise<void> {
    io.signal.throwIfAborted();
    guest.busy++;
    deps.stirred();
    try {
      await work(guest, await look(guest, io));
    } finally {
      guest.busy--;
      deps.stirred();
    }
  }

  async function look(guest: Guest, io: IoOptions): Promise<Status> {
    const status = await guests.read(guest, io);
    if (status === undefined) throw new NodoffError("GONE", `${guest.key} was deleted`);
    return status;
  }

  /** Brings the guest where `isDone`, from wherever it is. Tells the watchers once, at the end. */
  async function reach(guest: Guest, from: Status, aim: Aim, io: IoOptions): Promise<void> {
    if (aim.isDone(from)) return guests.settle(guest, from);
    const within = clock.now() + aim.limitMs;
    let status = await untilMoved(guest, from, io);
    for (let tries = 1; !aim.isDone(status); tries++) {
      refuseBrokenHa(guest, status);
      const { node } = guest;
      const failure = await carryOut(guest, aim.command, { signal: io.signal, within, from: toPower(status) });
      status = await untilDone(guest, aim, { io, patient: failure === null });
      if (aim.isDone(status)) break;
      // Sent to a node it has left, or never arrived: nothing was done yet.
      const again = tries < 3 && (guest.node !== node || failure?.kind === "lost");
      if (!again) throw toFailure(guest, aim, failure);
    }
    guests.settle(guest, status);
  }

  /** What it is once the command had its time to show. */
  async function untilDone(
    guest: Guest,
    { isDone }: Aim,
    { io, patient }: { readonly io: IoOptions; readonly patient: boolean },
  ): Promise<Status> {
    let status = await look(guest, io);
    const since = clock.now();
    const limitMs = (): number => (!patient ? 0 : isManaged(status) ? haEffectMs : effectMs);
    for (let gapMs = firstLookMs; !isDone(status) && clock.now() - since < limitMs(); gapMs = lastLookMs) {
      refuseBrokenHa(guest, status);
      await wait(clock, gapMs, io.signal);
      status = await look(guest, io);
    }
    return status;
  }

  /** A guest on its way to another node can be neither started nor stopped. */
  async function untilMoved(guest: Guest, from: Status, io: IoOptions): Promise<Status> {
    let status = from;
    const until = clock.now() + migrationLimitMs;
    while (status.lock === "migrate" && clock.now() < until) {
      await wait(clock, lastLookMs, io.signal);
      status = await look(guest, io);
    }
    return status;
  }

  const isStopped = ({ running }: Status): boolean => !running;
  const isRunning = (status: Status): boolean => toPower(status) === "running";
  const isPaused = (status: Status): boolean => toPower(status) === "paused";
  const resumed: Aim = { command: { kind: "resume" }, isDone: isRunning, verb: "resume", limitMs: startLimitMs };

  /** As `reach`, for what ends it: the exit is then nobody's crash. */
  async function end(guest: Guest, from: Status, aim: Aim, io: IoOptions): Promise<void> {
    guest.asked = true;
    try {
      await reach(guest, from, { ...aim, isDone: isStopped }, io);
    } catch (error) {
      guest.asked = false;
      throw error;
    }
  }

  async function shutDown(
    guest: Guest,
    from: Status,
    { timeoutMs, force }: { readonly timeoutMs: number | null; readonly force: boolean },
    io: IoOptions,
  ): Promise<void> {
    // A frozen system hears no shutdown. Not told as resumed: it is on its way down.
    if (isPaused(from))
      await carryOut(guest, resumed.command, { ...io, within: clock.now() + effectMs, from: "paused" });
    const seconds = timeoutMs === null ? null : Math.max(1, Math.ceil(timeoutMs / 1000));
    const limitMs = (timeoutMs ?? defaultShutdownMs) + taskGraceMs;
    const command: Command = { kind: "shutdown", seconds, force };
    await end(guest, from, { command, isDone: isStopped, verb: "shut down", limitMs }, io);
  }

  const onlyVm = (guest: Guest, verb: string): void => {
    if (guest.type === "lxc") throw new NodoffError("ENGINE_ERROR", `${guest.key} is a container: it cannot ${verb}`);
  };

  return {
    start: (ref, io) =>
      inTurn(ref, io, async (guest, status) => {
        if (isPaused(status)) {
          guests.settle(guest, status);
          throw new NodoffError("ENGINE_ERROR", `${ref} is paused: resume it instead`);
        }
        const aim: Aim = { command: { kind: "start" }, isDone: isRunning, verb: "start", limitMs: startLimitMs };
        try {
          await reach(guest, status, aim, io);
        } catch (error) {
          const { code, message } = toProviderError(error);
          if (code === "ENGINE_ERROR") guest.error = message;
          throw error;
        }
      }),
    stop: (ref, { signal, timeoutMs }) =>
      inTurn(ref, { signal }, (guest, status) =>
        isStopped(status)
          ? Promise.resolve(guests.settle(guest, status))
          : shutDown(guest, status, { timeoutMs, force: false }, { signal }),
      ),
    kill: (ref, { signal, timeoutMs = null }) =>
      inTurn(ref, { signal }, (guest, status) => {
        if (isStopped(status)) return Promise.resolve(guests.settle(guest, status));
        if (timeoutMs !== null) return shutDown(guest, status, { timeoutMs, force: true }, { signal });
        const command: Command = { kind: "stop", overrule: !isManaged(status) };
        return end(guest, status, { command, isDone: isStopped, verb: "stop", limitMs: taskGraceMs }, { signal });
      }),
    pause: (ref, io) =>
      inTurn(ref, io, async (guest, status) => {
        onlyVm(guest, "be paused");
        if (isStopped(status)) throw new NodoffError("ENGINE_ERROR", `${ref} is not running`);
        const aim: Aim = { command: { kind: "pause" }, isDone: isPaused, verb: "pause", limitMs: taskGraceMs };
        await reach(guest, status, aim, io);
      }),
    resume: (ref, io) =>
      inTurn(ref, io, async (guest, status) => {
        if (isStopped(status)) throw new NodoffError("ENGINE_ERROR", `${ref} is not paused: start it instead`);
        await reach(guest, status, resumed, io);
      }),
    suspend: (ref, io) =>
      inTurn(ref, io, async (guest, status) => {
        onlyVm(guest, "be suspended");
        if (isManaged(status) && !isStopped(status))
          throw new NodoffError("REFUSED", withMend("cannot suspend HA managed VM to disk", String(guest.vmid)));
        const command: Command = { kind: "suspend" };
        await end(guest, status, { command, isDone: isStopped, verb: "suspend", limitMs: startLimitMs }, io);
      }),
  };
}

/** `ignored` is the HA manager's word for hands off. */
function isManaged({ ha }: Status): boolean {
  return ha !== null && ha !== "ignored";
}

function refuseBrokenHa({ vmid, type }: Guest, { ha }: Status): void {
  if (ha === null || !brokenHa.has(ha)) return;
  const sid = `${type === "lxc" ? "ct" : "vm"}:${vmid}`;
  const mend =
    ha === "error"
      ? `\`ha-manager set ${sid} --state disabled\`, mend it, then set it to started`
      : "wait until that is over";
  throw new NodoffError("ENGINE_ERROR", `the HA manager has it in state "${ha}": ${mend}`);
}

function toFailure(guest: Guest, { verb }: Aim, failure: Failed | null): Error {
  const id = String(guest.vmid);
  if (failure?.kind === "lost") return new PveError("broken", failure.text);
  const text = failure === null ? "the task said OK, but nothing changed" : withMend(failure.text, id);
  return new PveError(failure === null ? "engine" : kindOfText(failure.text), `could not ${verb}: ${text}`);
}
