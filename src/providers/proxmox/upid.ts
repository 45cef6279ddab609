/** What the name of a task says of it. */
export interface Upid {
  readonly text: string;
  /** Whose task it is: only there is it known. */
  readonly node: string;
  /** Such as `vzstart`, `qmshutdown`, `hastart`. */
  readonly type: string;
  readonly startedS: number;
}

/** `UPID:node:pid:pstart:starttime:type:id:user:`, numbers in hexadecimal; undefined for anything else. */
export function parseUpid(text: unknown): Upid | undefined {
  if (typeof text !== "string") return undefined;
  const [, node, start, type] =
    /^UPID:([^:\s]+):[0-9A-Fa-f]{8}:[0-9A-Fa-f]{8,9}:([0-9A-Fa-f]{8}):([^:\s]+):[^:\s]*:[^:\s]+:$/.exec(text) ?? [];
  if (node === undefined || start === undefined || type === undefined) return undefined;
  return { text, node, type, startedS: Number.parseInt(start, 16) };
}
