import type { SQLOutputValue } from "node:sqlite";
import type { JournalEvent } from "../core/journal.ts";
import type { PowerInterval, PowerKind } from "../core/store.ts";

type Row = Readonly<Record<string, SQLOutputValue>>;

const powerKinds: readonly PowerKind[] = ["awake", "asleep", "would_sleep"];

/** Engine errors can be pages long. */
const longestText = 4_000;

export function toNumber(value: SQLOutputValue | undefined): number | null {
  return typeof value === "number" ? value : null;
}

/** The stretch in the columns from_at, to_at, kind and memory_bytes. null: none, or of a kind unknown here. */
export function toInterval(row: Row): PowerInterval | null {
  const from = toNumber(row["from_at"]);
  const kind = powerKinds.find((known) => known === row["kind"]);
  if (from === null || kind === undefined) return null;
  return { kind, from, to: toNumber(row["to_at"]), memoryBytes: toNumber(row["memory_bytes"]) };
}

/** The event in the columns id, at, alias and body. null: what it says cannot be read. */
export function toEvent(row: Row): JournalEvent | null {
  try {
    const body = JSON.parse(String(row["body"])) as Omit<JournalEvent, "id" | "at" | "alias">;
    return { ...body, id: Number(row["id"]), at: Number(row["at"]), alias: String(row["alias"]) || null };
  } catch {
    return null;
  }
}

/** What `toEvent` reads as body; texts are cut where they are far too long. */
export function toBody({ id: _id, at: _at, alias: _alias, ...rest }: JournalEvent): string {
  const { failure } = rest;
  const cut = failure === undefined ? {} : { failure: { ...failure, message: shorten(failure.message) } };
  return JSON.stringify({ ...rest, message: shorten(rest.message), ...cut });
}

function shorten(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText)}…` : text;
}
