import type { Readable } from "node:stream";
import type { Clock } from "../../core/clock.ts";
import { NodoffError } from "../../core/errors.ts";
import type { IoOptions } from "../../core/provider.ts";
import type { Client } from "./client.ts";
import { untilAborted, wait } from "../deadline.ts";
import { drain } from "./output.ts";
import type { RawContainer, RawExec } from "./raw.ts";

export interface ExecOptions extends IoOptions {
  readonly command: readonly string[];
  /** How long the command may run. */
  readonly limitMs: number;
  /** Takes the engine's multiplexed output. */
  readonly write: (chunk: Buffer) => void;
}

/** Commands run inside containers (`docker exec`). */
export interface Execs {
  /**
   * Runs one to its end and returns its exit code; 126 and 127 may mean that the engine could not run it at all. An
   * aborted one goes on inside: the engine has no way to end it.
   */
  run(raw: RawContainer, options: ExecOptions): Promise<number>;
  /** undefined: there is no such command any more. */
  inspect(id: string, options: IoOptions): Promise<RawExec | undefined>;
  /** Whether `run` created it. */
  isOwn(id: string): boolean;
}

/** Aborted ones are remembered, for they may go on for ever. */
const remembered = 1_024;
/** The stream may end a little before the engine has noted the end. */
const endTimeoutMs = 5_000;

export function createExecs({ client, clock }: { readonly client: Client; readonly clock: Clock }): Execs {
  const own = new Set<string>();
  const remember = (id: string): void => {
    own.add(id);
    if (own.size > remembered) for (const oldest of own.values().take(1)) own.delete(oldest);
  };
  const create = async (raw: RawContainer, { command, signal }: ExecOptions): Promise<string> => {
    const { id } = await client.call("POST /containers/{id}/exec", { signal }, ({ docker }, abortSignal) => {
      const what = { AttachStdout: true, AttachStderr: true, Cmd: [...command], abortSignal };
      return docker.getContainer(raw.Id).exec(what);
    });
    remember(id);
    return id;
  };
  const start = (id: string, { signal, limitMs, write }: ExecOptions): Promise<void> =>
    client.call("POST /exec/{id}/start", { signal, limitMs }, async ({ docker }, abortSignal) => {
      const options = { Detach: false, Tty: false, abortSignal };
      const stream: Readable = await docker.getExec(id).start(options);
      await untilAborted(drain(stream, write), abortSignal);
    });
  const inspect: Execs["inspect"] = async (id, { signal }) => {
    try {
      return await client.call(
        "GET /exec/{id}/json",
        { signal },
        ({ docker }, abortSignal) => docker.getExec(id).inspect({ abortSignal }) as Promise<RawExec>,
      );
    } catch (error) {
      if (error instanceof NodoffError && error.code === "GONE") return undefined;
      throw error;
    }
  };
  return {
    inspect,
    isOwn: (id) => own.has(id),
    async run(raw, options) {
      const id = await create(raw, options);
      await start(id, options);
      const end = clock.now() + endTimeoutMs;
      for (let gapMs = 5; clock.now() < end; gapMs *= 2) {
        const { Running: running, ExitCode: code } = (await inspect(id, options)) ?? {};
        if (running !== true && typeof code === "number") {
          own.delete(id);
          return code;
        }
        await wait(clock, gapMs, options.signal).catch(() => undefined);
      }
      throw new NodoffError("ENGINE_ERROR", "the engine does not say how the command ended");
    },
  };
}
