import type { Failure } from "../../src/core/errors.ts";
import type { Change, Look, Provider, ProviderObserver } from "../../src/core/provider.ts";
import { eventually } from "./relay.ts";

export type Told =
  | { readonly kind: "listed"; readonly looks: readonly Look[] }
  | { readonly kind: "link"; readonly failure: Failure | null }
  | { readonly kind: "changed"; readonly change: Change };

/** Watches a provider and keeps, in order, what it is told. */
export interface RecordingWatch {
  readonly told: readonly Told[];
  /** Changes of one workload. */
  changes(ref: string): readonly Change[];
  readonly links: readonly (Failure | null)[];
  /** The newest list; empty before the first. */
  readonly looks: readonly Look[];
  readonly lists: number;
  /** Resolves with the first change of `ref` that fits, among those from `from` on. */
  change<K extends Change["kind"]>(ref: string, kind: K, from?: number): Promise<Change & { kind: K }>;
  listed(): Promise<void>;
  close(): Promise<void>;
}

export function recordWatch(provider: Provider): RecordingWatch {
  const told: Told[] = [];
  const observer: ProviderObserver = {
    listed: (looks) => void told.push({ kind: "listed", looks }),
    link: (failure) => void told.push({ kind: "link", failure }),
    changed: (change) => void told.push({ kind: "changed", change }),
  };
  const watching = provider.watch(observer);
  const changes = (ref: string): Change[] =>
    told.flatMap((entry) => (entry.kind === "changed" && entry.change.refs.includes(ref) ? [entry.change] : []));
  const lists = () => told.filter(({ kind }) => kind === "listed");
  return {
    told,
    changes,
    get links() {
      return told.flatMap((entry) => (entry.kind === "link" ? [entry.failure] : []));
    },
    get looks() {
      return told.flatMap((entry) => (entry.kind === "listed" ? [entry.looks] : [])).at(-1) ?? [];
    },
    get lists() {
      return lists().length;
    },
    change: <K extends Change["kind"]>(ref: string, kind: K, from = 0) =>
      eventually(
        `${kind} of ${ref}`,
        () =>
          changes(ref)
            .slice(from)
            .find((change): change is Change & { kind: K } => change.kind === kind) ?? null,
      ),
    async listed() {
      await eventually("a list", () => lists().length > 0);
    },
    close: () => watching.close(),
  };
}
