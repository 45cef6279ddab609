import { createLineQueue } from "../../core/line-queue.ts";
import type { LineQueue } from "../../core/line-queue.ts";
import type { FollowOptions } from "../../core/provider.ts";

const maxLines = 1_000;
const maxLineChars = 4_096;

/** The last lines one workload wrote, over all its runs. */
export interface OutputRing {
  readonly write: (text: string) => void;
  /** What is left without an end of line becomes a line. */
  readonly end: () => void;
  readonly tail: (lines: number) => readonly string[];
  /** The last lines, then each further one, over all runs to come, until `signal` aborts. */
  readonly follow: (options: FollowOptions) => AsyncIterable<string>;
}

/** Bounded in lines and in their length; the rest of a longer line is dropped. */
export function createOutputRing(): OutputRing {
  const kept: string[] = [];
  const readers = new Set<LineQueue>();
  let rest = "";
  const push = (line: string): void => {
    const text = (line.endsWith("\r") ? line.slice(0, -1) : line).slice(0, maxLineChars);
    kept.push(text);
    for (const reader of readers) reader.push(text);
    if (kept.length > maxLines) kept.shift();
  };
  return {
    write(text) {
      const lines = (rest + text).split("\n");
      rest = (lines.pop() ?? "").slice(0, maxLineChars);
      for (const line of lines) push(line);
    },
    end() {
      if (rest !== "") push(rest);
      rest = "";
    },
    tail: (lines) => (lines > 0 ? kept.slice(-lines) : []),
    follow({ signal, lines }) {
      const end = (): void => reader.end();
      const reader = createLineQueue(maxLines, () => {
        readers.delete(reader);
        signal.removeEventListener("abort", end);
      });
      for (const line of lines > 0 ? kept.slice(-lines) : []) reader.push(line);
      readers.add(reader);
      signal.addEventListener("abort", end, { once: true });
      if (signal.aborted) end();
      return reader;
    },
  };
}
