import type { Clock } from "../../core/clock.ts";
import { NodoffError } from "../../core/errors.ts";
import type { IoOptions, Power, Provider } from "../../core/provider.ts";
import { compareApi } from "./client.ts";
import type { Client, Session } from "./client.ts";
import type { Containers } from "./containers.ts";
import { wait } from "../deadline.ts";
import { toPower } from "./look.ts";
import type { Marks } from "./marks.ts";
import type { RawContainer } from "./raw.ts";
import { signalNumber } from "../stop-signal.ts";

export interface PowerDeps {
  readonly client: Client;
  readonly containers: Containers;
  readonly marks: Marks;
  readonly clock: Clock;
}

/** A start may have to set up networks and mounts on a busy machine. */
const startTimeoutMs = 120_000;
/** What the engine may need beyond the time it gives the container. */
const stopGraceMs = 30_000;
const dayMs = 86_400_000;
const defaultStopSeconds = 10;
/** The first API whose `stop` takes a signal; older ones ignore it without a word. */
const stopTakesSignal = "1.42";

interface Action {
  /** As in an allow list. */
  readonly call: string;
  readonly isDone: (power: Power) => boolean;
  readonly limitMs: number;
  readonly run: (session: Session, id: string, abortSignal: AbortSignal) => Promise<unknown>;
}

type PowerCalls = Pick<Provider, "start" | "stop" | "pause" | "resume" | "kill">;

/**
 * Level-triggered power calls: each looks first, and after an engine error looks again and judges by the state, never
 * by the status code (a 304, 409 or 500 says little, and Podman's differ from Docker's).
 */
export function createPower({ client, containers, marks, clock }: PowerDeps): PowerCalls {
  const act = async (raw: RawContainer, options: IoOptions, action: Action): Promise<void> => {
    if (action.isDone(toPower(raw))) return;
    try {
      await client.call(action.call, { signal: options.signal, limitMs: action.limitMs }, (session, abortSignal) =>
        action.run(session, raw.Id, abortSignal),
      );
    } catch (error) {
      if (options.signal.aborted) throw error;
      const after = await containers.byId(raw.Id, options);
      if (after === undefined) throw new NodoffError("GONE", "it was deleted meanwhile", { cause: error });
      if (!action.isDone(toPower(after))) throw error;
    }
  };
  const unpause: Action = {
    call: "POST /containers/{id}/unpause",
    isDone: (power) => power === "running",
    limitMs: startTimeoutMs,
    run: ({ docker }, id, abortSignal) => docker.getContainer(id).unpause({ abortSignal }),
  };
  const sendKill = (raw: RawContainer, signal: string, options: IoOptions): Promise<void> =>
    act(raw, options, {
      call: "POST /containers/{id}/kill",
      isDone: (power) => power === "stopped",
      limitMs: stopGraceMs,
      run: ({ docker }, id, abortSignal) => docker.getContainer(id).kill({ signal, abortSignal }),
    });
  /** By looking, not by the engine's `wait`: allow lists of socket proxies leave that out. */
  const untilEnded = async (raw: RawContainer, limitMs: number, options: IoOptions): Promise<boolean> => {
    const end = clock.now() + limitMs;
    for (let gapMs = 25; ; gapMs = Math.min(500, gapMs * 2)) {
      const now = await containers.byId(raw.Id, options);
      if (now === undefined || toPower(now) === "stopped") return true;
      if (clock.now() >= end) return false;
      try {
        await wait(clock, Math.min(gapMs, end - clock.now()), options.signal);
      } catch (error) {
        throw new NodoffError("PROVIDER_UNAVAILABLE", "it did not end in time", { cause: error });
      }
    }
  };
  const sendStop = (raw: RawContainer, t: number, signal: string | null, options: IoOptions): Promise<void> =>
    act(raw, options, {
      call: "POST /containers/{id}/stop",
      isDone: (power) => power === "stopped",
      limitMs: t < 0 ? dayMs : t * 1000 + stopGraceMs,
      run: ({ docker }, id, abortSignal) =>
        docker.getContainer(id).stop({ t, ...(signal === null ? {} : { signal }), abortSignal }),
    });
  /** What `stop` with a signal does on engines that know none. */
  const signalThenStop = async (raw: RawContainer, t: number, signal: string, options: IoOptions): Promise<void> => {
    await sendKill(raw, signal, options);
    // A frozen process gets its signal only once it runs; Docker thaws it by itself, for which this is a no-op.
    if (toPower(raw) === "paused") await ignoring(() => act(raw, options, unpause), options);
    if (await untilEnded(raw, t < 0 ? dayMs : t * 1000, options)) return;
    await sendStop(raw, 0, null, options);
  };
  /** Marks it as asked to end while `run` is at it; takes that back when it goes on running. */
  const asking = async (raw: RawContainer, run: () => Promise<unknown>): Promise<void> => {
    if (toPower(raw) === "stopped") return;
    marks.ask(raw.Id);
    try {
      await run();
    } catch (error) {
      marks.unask(raw.Id);
      throw error;
    }
  };
  return {
    async start(ref, options) {
      const raw = await containers.mine(ref, options);
      if (toPower(raw) === "paused") throw new NodoffError("ENGINE_ERROR", `${ref} is paused: resume it instead`);
      await act(raw, options, {
        call: "POST /containers/{id}/start",
        // The engine's own back-off will start it: `start` says 304 to that.
        isDone: (power) => power === "running" || power === "restarting",
        limitMs: startTimeoutMs,
        run: ({ docker }, id, abortSignal) => docker.getContainer(id).start({ abortSignal }),
      });
    },
    async stop(ref, { signal, stopSignal, timeoutMs }) {
      const io = { signal };
      const raw = await containers.mine(ref, io);
      await asking(raw, async () => {
        const { podman, api } = await client.session(io);
        const t = stopSeconds(raw, timeoutMs, podman);
        // Podman refuses to stop or to signal what is paused.
        if (podman && toPower(raw) === "paused") await act(raw, io, unpause);
        const other = isOwnSignal(raw, stopSignal) ? null : stopSignal;
        if (other === null || compareApi(api, stopTakesSignal) >= 0) await sendStop(raw, t, other, io);
        else await signalThenStop(raw, t, other, io);
      });
    },
    async kill(ref, options) {
      const raw = await containers.mine(ref, options);
      await asking(raw, async () => {
        const { podman } = await client.session(options);
        if (podman && toPower(raw) === "paused") await act(raw, options, unpause);
        await sendKill(raw, options.stopSignal ?? "SIGKILL", options);
        await untilEnded(raw, dayMs, options);
      });
    },
    async pause(ref, options) {
      const raw = await containers.mine(ref, options);
      if (toPower(raw) === "stopped") throw new NodoffError("ENGINE_ERROR", `${ref} is not running`);
      await act(raw, options, {
        call: "POST /containers/{id}/pause",
        isDone: (power) => power === "paused",
        limitMs: startTimeoutMs,
        run: ({ docker }, id, abortSignal) => docker.getContainer(id).pause({ abortSignal }),
      });
      if (toPower(raw) !== "paused") marks.turned(raw.Id, "paused");
    },
    async resume(ref, options) {
      const raw = await containers.mine(ref, options);
      if (toPower(raw) === "stopped") throw new NodoffError("ENGINE_ERROR", `${ref} is not paused: start it instead`);
      await act(raw, options, unpause);
      if (toPower(raw) === "paused") marks.turned(raw.Id, "running");
    },
  };
}

async function ignoring(run: () => Promise<void>, { signal }: IoOptions): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (signal.aborted) throw error;
  }
}

/** Seconds for the engine's `t`, never left out: Podman would kill at once. Its own 0 there means "not set". */
function stopSeconds(raw: RawContainer, timeoutMs: number | null, podman: boolean): number {
  if (timeoutMs !== null) return Math.ceil(timeoutMs / 1000);
  const own = raw.Config?.StopTimeout ?? defaultStopSeconds;
  return podman && own === 0 ? defaultStopSeconds : own;
}

/** The engine sends the container's own signal without being told. */
function isOwnSignal(raw: RawContainer, signal: string | null): boolean {
  if (signal === null) return true;
  const wanted = signalNumber(signal);
  return wanted !== undefined && wanted === signalNumber(raw.Config?.StopSignal || "SIGTERM");
}
