const maxLines = 1_000;
const maxLineChars = 4_096;

/** The last lines one workload wrote, over all its runs. */
export interface OutputRing {
  readonly write: (text: string) => void;
  /** What is left without an end of line becomes a line. */
  readonly end: () => void;
  readonly tail: (lines: number) => readonly string[];
}

/** Bounded in lines and in their length; the rest of a longer line is dropped. */
export function createOutputRing(): OutputRing {
  const kept: string[] = [];
  let rest = "";
  const push = (line: string): void => {
    kept.push((line.endsWith("\r") ? line.slice(0, -1) : line).slice(0, maxLineChars));
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
  };
}
