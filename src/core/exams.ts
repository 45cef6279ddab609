import type { Clock } from "./clock.ts";

/** How one request of `nodoff doctor` looked when it got here. */
export interface Sighting {
  /** Which of the examination's requests it was. */
  readonly tag: string;
  /** The hook, `/wake`, the page channel, or our own proxy. */
  readonly door: "auth" | "wake" | "channel" | "proxy";
  /** As the address the hook was called at says; null = no proxy speaks here. */
  readonly dialect: "traefik" | "caddy" | "nginx" | null;
  /** `unreadable`: `header` is missing or malformed. */
  readonly outcome: "read" | "untrusted_peer" | "unreadable";
  readonly header: string | null;
  /** Address of the connection. */
  readonly peer: string;
  /** What was read of the client's request; null = nothing could be. */
  readonly asked: {
    readonly method: string;
    readonly host: string;
    readonly path: string;
    readonly proto: "http" | "https";
    readonly client: string | null;
  } | null;
  /** The header that tells the client's address, whole. */
  readonly forwardedFor: string | null;
  /** Which families of headers came: they tell whose dialect it is. */
  readonly families: readonly ("forwarded" | "original")[];
  /** `?route=` of the hook's address. */
  readonly named: string | null;
  /** Alias of the route it belongs to; null = none. */
  readonly route: string | null;
}

/**
 * What `nodoff doctor` asks: it sends requests through a proxy with a nonce only it knows, and learns how they got here.
 * An examination is open for ten minutes; nothing of it is kept.
 */
export interface Exams {
  open(nonce: string): void;
  /** Notes it, if that examination is open. Returns whether it is. */
  note(nonce: string, sighting: Sighting): boolean;
  /** In the order they came; undefined = no such examination is open. */
  sightings(nonce: string): readonly Sighting[] | undefined;
}

const openMs = 600_000;
/** The oldest gives way: examinations are few. */
const examsMax = 20;
/** 10,000 routes with a few requests each. */
const sightingsMax = 50_000;

export function createExams(clock: Pick<Clock, "now">): Exams {
  const exams = new Map<string, { readonly until: number; readonly sightings: Sighting[] }>();
  const find = (nonce: string) => {
    const exam = exams.get(nonce);
    return exam !== undefined && exam.until > clock.now() ? exam : undefined;
  };
  return {
    open(nonce) {
      for (const old of exams.keys()) if (find(old) === undefined) exams.delete(old);
      const [oldest] = exams.keys();
      if (exams.size >= examsMax && oldest !== undefined) exams.delete(oldest);
      exams.set(nonce, { until: clock.now() + openMs, sightings: [] });
    },
    note(nonce, sighting) {
      const exam = find(nonce);
      if (exam === undefined) return false;
      if (exam.sightings.length < sightingsMax) exam.sightings.push(sighting);
      return true;
    },
    sightings: (nonce) => find(nonce)?.sightings,
  };
}

/** What an examination's request says of itself in `X-Nodoff-Probe`. */
export interface ExamMark {
  readonly nonce: string;
  readonly tag: string;
  /** It wants to see the page, whatever the state is. */
  readonly wantsPage: boolean;
}

const form = /^([\w-]{22,64})\.(\w{1,32})(\.page)?$/;

/** Reads `X-Nodoff-Probe: NONCE.TAG` or `NONCE.TAG.page`; null = another probe, or none. */
export function parseExamMark(value: unknown): ExamMark | null {
  const [, nonce, tag, page] = typeof value === "string" ? (form.exec(value) ?? []) : [];
  return nonce === undefined || tag === undefined ? null : { nonce, tag, wantsPage: page !== undefined };
}
