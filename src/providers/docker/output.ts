import type { Readable } from "node:stream";
import type Dockerode from "dockerode";
import { NodoffError } from "../../core/errors.ts";
import type { IoOptions } from "../../core/provider.ts";
import type { Client } from "./client.ts";
import { untilAborted } from "../deadline.ts";
import type { RawContainer } from "./raw.ts";

const maxLineChars = 4_096;
const maxTotalChars = 262_144;
const headerBytes = 8;

/** The last `lines` lines a container wrote, oldest first; empty where its log driver cannot be read. */
export async function readOutput(
  client: Client,
  raw: RawContainer,
  { signal, lines }: IoOptions & { readonly lines: number },
): Promise<readonly string[]> {
  if (lines <= 0) return [];
  const tail = createTail(lines);
  const read = raw.Config?.Tty === true ? createTextReader(tail.push) : createFrameReader(tail.push);
  try {
    await client.call("GET /containers/{id}/logs", { signal }, async ({ docker }, abortSignal) => {
      const stream = await openOutput({ docker, id: raw.Id, query: { follow: false, tail: lines }, abortSignal });
      await untilAborted(drain(stream, read.write), abortSignal);
    });
  } catch (error) {
    if (error instanceof NodoffError && error.code === "ENGINE_ERROR" && isUnreadable(error.message)) return [];
    throw error;
  }
  read.end();
  return tail.lines();
}

/** What a container writes and wrote, as the engine sends it. */
export function openOutput({
  docker,
  id,
  query,
  abortSignal,
}: {
  readonly docker: Dockerode;
  readonly id: string;
  readonly query: Readonly<Record<string, unknown>>;
  readonly abortSignal: AbortSignal;
}): Promise<Readable> {
  return new Promise<Readable>((resolve, reject) => {
    const options = {
      // Not `container.logs`: that reads everything into memory and parses an output that happens to be JSON.
      path: `/containers/${id}/logs?`,
      method: "GET",
      isStream: true,
      statusCodes: { 200: true },
      options: { stdout: true, stderr: true, ...query },
      abortSignal,
    };
    docker.modem.dial(options, (error, result) => (error ? reject(error) : resolve(result as Readable)));
  });
}

/** Whether the engine said so of a log driver that keeps nothing to read. */
export function isUnreadable(message: string): boolean {
  return /logging driver|does not support reading|dead or marked for removal/i.test(message);
}

/** Resolves at the end of a stream that the engine ended itself. */
export function drain(stream: Readable, write: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.on("data", write);
    stream.on("end", resolve);
    stream.on("error", reject);
    stream.on("close", () => reject(new Error("the answer broke off")));
  });
}

interface Tail {
  readonly push: (line: string) => void;
  lines(): readonly string[];
}

/** Keeps the last lines within bounds. */
function createTail(limit: number): Tail {
  const kept: string[] = [];
  let total = 0;
  return {
    push(line) {
      const text = line.endsWith("\r") ? line.slice(0, -1) : line;
      kept.push(text);
      total += text.length;
      while (kept.length > limit || (total > maxTotalChars && kept.length > 1)) total -= kept.shift()?.length ?? 0;
    },
    lines: () => kept,
  };
}

/** Takes what a container writes. */
export interface TextReader {
  readonly write: (chunk: Buffer) => void;
  readonly end: () => void;
}

/** Cuts text into lines; what goes beyond a line's bound is dropped. */
export function createTextReader(push: (line: string) => void): TextReader {
  const decoder = new TextDecoder();
  let rest = "";
  const take = (text: string): void => {
    const lines = (rest + text).split("\n");
    rest = (lines.pop() ?? "").slice(0, maxLineChars);
    for (const line of lines) push(line.slice(0, maxLineChars));
  };
  return {
    write: (chunk) => take(decoder.decode(chunk, { stream: true })),
    end() {
      take(decoder.decode());
      if (rest !== "") push(rest);
      rest = "";
    },
  };
}

/** Lines of the engine's multiplexed output; each of its streams has its own. */
export function createFrameReader(push: (line: string) => void): TextReader {
  const streams = new Map<number, TextReader>();
  return {
    write: createFrameCutter((part, stream) => {
      const reader = streams.get(stream) ?? createTextReader(push);
      streams.set(stream, reader);
      reader.write(part);
    }),
    end() {
      for (const reader of streams.values()) reader.end();
    },
  };
}

/** Undoes the engine's multiplexing: 8 bytes of header (stream, 3 zeros, big-endian length), then as many bytes. */
export function createFrameCutter(onPart: (part: Buffer, stream: number) => void): (chunk: Buffer) => void {
  let header = Buffer.alloc(0);
  let left = 0;
  let stream = 0;
  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (left === 0) {
        const part = chunk.subarray(at, at + headerBytes - header.length);
        header = Buffer.concat([header, part]);
        at += part.length;
        if (header.length < headerBytes) return;
        stream = header.readUInt8(0);
        left = header.readUInt32BE(4);
        header = Buffer.alloc(0);
        continue;
      }
      const part = chunk.subarray(at, at + left);
      onPart(part, stream);
      at += part.length;
      left -= part.length;
    }
  };
}
