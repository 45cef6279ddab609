/** What people can be told of; the words of `notify.*.events`. */
export const noticeKinds = ["health", "wake_failed", "stop_failed", "provider", "config"] as const;
export type NoticeKind = (typeof noticeKinds)[number];

export type NoticeEvent =
  | "health.down"
  | "health.up"
  | "wake_failed"
  | "stop_failed"
  | "provider.lost"
  | "provider.back"
  | "config.error"
  /** Somebody tries whether notices arrive: goes to everybody. */
  | "test";

/** Something people should hear of. For operators: it may name engine details. */
export interface Notice {
  readonly event: NoticeEvent;
  /** Route, workload or provider; null = nodoff's configuration. */
  readonly alias: string | null;
  /** Wall clock ms. */
  readonly at: number;
  readonly message: string;
  readonly detail: string | null;
  /** On `health.up`: what the check took. */
  readonly latencyMs?: number | null;
  /** On `health.down`: when it last answered, wall clock ms. */
  readonly lastSeenAt?: number | null;
  /** nodoff's own public address, for those who read it. */
  readonly link?: string;
}

interface Common {
  /** The key under `notify:`. */
  readonly name: string;
  readonly events: readonly NoticeKind[];
  /** May hold credentials: never logged. */
  readonly url: string;
}

/** Whom to tell, and how. */
export type NotifierSpec = Common &
  (
    | {
        readonly type: "webhook";
        /** Templates. */
        readonly headers: Readonly<Record<string, string>>;
        /** Template; null = the JSON of contract.md. */
        readonly body: string | null;
        /** Signs the body; null = unsigned. */
        readonly secret: string | null;
      }
    | { readonly type: "ntfy"; readonly token: string | null }
    | { readonly type: "gotify"; readonly token: string }
    | { readonly type: "discord" }
    | { readonly type: "slack" }
    | { readonly type: "smtp"; readonly from: string; readonly to: readonly string[] }
  );

/** Whether somebody who asked for these kinds is told of the event. */
export function isWanted(event: NoticeEvent, kinds: readonly NoticeKind[]): boolean {
  return event === "test" || kinds.some((kind) => event === kind || event.startsWith(`${kind}.`));
}

/** The members of the default webhook body, which are also the names a template may use. */
const fieldNames = ["event", "alias", "at", "message", "detail", "latency_ms", "last_seen_at"] as const;
type FieldName = (typeof fieldNames)[number];

/** A notice as contract.md's webhook body. Pure: `toTime` turns wall clock ms into ISO 8601. */
export function toFields(
  notice: Notice,
  toTime: (wall: number) => string,
): Readonly<Partial<Record<FieldName, string | number | null>>> {
  const { event, alias, at, message, detail, latencyMs, lastSeenAt } = notice;
  return {
    event,
    alias,
    at: toTime(at),
    message,
    detail,
    ...(latencyMs !== undefined && { latency_ms: latencyMs === null ? null : Math.round(latencyMs * 100) / 100 }),
    ...(lastSeenAt !== undefined && { last_seen_at: lastSeenAt === null ? null : toTime(lastSeenAt) }),
  };
}

const placeholder = /\{\{([^{}]*)\}\}/g;

/** What is wrong with the `{{…}}` of a template, for people; empty = nothing. */
export function unknownPlaceholders(template: string): readonly string[] {
  const names: readonly string[] = fieldNames;
  return Array.from(template.matchAll(placeholder), ([, name = ""]) => name.trim())
    .filter((name) => !names.includes(name))
    .map((name) => `"{{${name}}}" is not one of ${names.map((known) => `{{${known}}}`).join(", ")}`);
}

/** Fit for a place between the quotes of a JSON string. */
export function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** Puts the fields into a template; what a notice does not have is empty. `escape` makes a value fit for its place. */
export function fillTemplate(
  template: string,
  fields: ReturnType<typeof toFields>,
  escape: (text: string) => string,
): string {
  return template.replaceAll(placeholder, (_all, name: string) => {
    const value = fields[name.trim() as FieldName];
    return escape(value === undefined || value === null ? "" : String(value));
  });
}
