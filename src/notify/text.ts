import { formatDuration } from "../core/duration.ts";
import type { Notice } from "../core/notices.ts";

/** A notice as people read it. */
export interface NoticeText {
  readonly title: string;
  /** Lines; may be none. */
  readonly lines: readonly string[];
  readonly isGood: boolean;
}

export function toText(notice: Notice): NoticeText {
  const { event, message, detail, latencyMs, lastSeenAt, link } = notice;
  const lines = [
    ...(detail === null || detail === "" ? [] : [detail]),
    ...(typeof latencyMs === "number" ? [`Answered within ${formatDuration(latencyMs)}`] : []),
    ...(typeof lastSeenAt === "number" ? [`Last seen ${toTime(lastSeenAt)}`] : []),
    ...(link === undefined ? [] : [link]),
  ];
  return { title: message, lines, isGood: event === "health.up" || event === "provider.back" || event === "test" };
}

/** ISO 8601, UTC. */
export function toTime(wall: number): string {
  return new Date(wall).toISOString();
}
