import type { Readable } from "node:stream";
import type { StatusRanges } from "../../core/spec.ts";
import { failed, type Finding, passed } from "./check.ts";

/** A body that does not hold the text within so many bytes does not hold it. */
const maxBodyBytes = 262_144;

/** Judges an answer by its status and, where a text is wanted, by its body, of which little is read. */
export async function judgeAnswer(
  answer: { readonly status: number; readonly reason: string; readonly body: Readable },
  wanted: { readonly status: StatusRanges; readonly body: string | null },
): Promise<Finding> {
  const { status, reason, body } = answer;
  const detail = reason === "" ? String(status) : `${status} ${reason.slice(0, 80)}`;
  if (!wanted.status.some(([first, last]) => status >= first && status <= last)) return failed(detail);
  if (wanted.body === null) return passed(detail);
  return (await holds(body, Buffer.from(wanted.body))) ? passed(detail) : failed(`${detail}, without the wanted text`);
}

async function holds(body: Readable, text: Buffer): Promise<boolean> {
  let read = 0;
  let tail: Buffer = Buffer.alloc(0);
  for await (const chunk of body as AsyncIterable<Buffer>) {
    const window = Buffer.concat([tail, chunk]);
    if (window.includes(text)) return true;
    read += chunk.length;
    if (read >= maxBodyBytes) return false;
    // The text may lie across two chunks.
    tail = window.subarray(Math.max(0, window.length - text.length + 1));
  }
  return false;
}
