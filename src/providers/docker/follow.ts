import type { Readable } from "node:stream";
import { NodoffError } from "../../core/errors.ts";
import type { FollowOptions } from "../../core/provider.ts";
import type { Client } from "./client.ts";
import { createFrameReader, createTextReader, isUnreadable, openOutput } from "./output.ts";
import type { RawContainer } from "./raw.ts";

/**
 * The last `lines` lines, then each further one as the container writes it, until it ends, or `signal` or `closing` abort.
 * Whoever reads slowly makes the engine wait, which keeps its own file. Nothing where its log driver cannot be read.
 */
export async function* followOutput(
  client: Client,
  raw: RawContainer,
  { signal, lines, since, closing }: FollowOptions & { readonly closing: AbortSignal },
): AsyncGenerator<string> {
  const pending: string[] = [];
  const push = (line: string): void => void pending.push(line.endsWith("\r") ? line.slice(0, -1) : line);
  const read = raw.Config?.Tty === true ? createTextReader(push) : createFrameReader(push);
  const stream = await open(client, raw, { signal, query: { follow: true, tail: lines, ...toSince(since) } });
  if (stream === null) return;
  const end = (): void => void stream.destroy();
  const ends = [signal, closing];
  for (const each of ends) each.addEventListener("abort", end, { once: true });
  try {
    if (ends.some(({ aborted }) => aborted)) return;
    for await (const chunk of stream) {
      read.write(chunk as Buffer);
      yield* pending.splice(0);
    }
    read.end();
    yield* pending.splice(0);
  } catch (error) {
    if (ends.some(({ aborted }) => aborted)) return;
    throw new NodoffError("PROVIDER_UNAVAILABLE", "the engine stopped telling the output", { cause: error });
  } finally {
    for (const each of ends) each.removeEventListener("abort", end);
    end();
  }
}

/** Engines take seconds with a fraction. */
function toSince(since: number | undefined): { readonly since?: string } {
  return since === undefined ? {} : { since: (since / 1000).toFixed(3) };
}

async function open(
  client: Client,
  raw: RawContainer,
  { signal, query }: { readonly signal: AbortSignal; readonly query: Readonly<Record<string, unknown>> },
): Promise<Readable | null> {
  try {
    // The call's own signal ends with the call: the stream outlives it.
    return await client.call("GET /containers/{id}/logs", { signal }, ({ docker }, abortSignal) =>
      openOutput({ docker, id: raw.Id, query, abortSignal }),
    );
  } catch (error) {
    if (error instanceof NodoffError && error.code === "ENGINE_ERROR" && isUnreadable(error.message)) return null;
    throw error;
  }
}
