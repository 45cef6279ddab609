import { basename, dirname } from "node:path";
import type { RotatingFileStream } from "rotating-file-stream";
import type { AccessEntry, AccessLog } from "../core/access.ts";
import type { Logger } from "../core/logger.ts";

export interface AccessLogSettings {
  /** Absolute; null = standard output. */
  readonly path: string | null;
  readonly format: "combined" | "json";
  /** The file is put aside when it has become so long. */
  readonly maxBytes: number;
  /** So many are kept besides the one that is written: `access.log.1` is the latest of them. */
  readonly keep: number;
}

export interface AccessLogDeps {
  readonly logger: Logger;
  /** Writes one line to standard output. */
  readonly out: (line: string) => void;
}

/** The access log of the running configuration. */
export interface AccessLogs {
  /** null = off. */
  readonly current: AccessLog | null;
  /** Takes over other settings; a file that could not be written is tried anew. */
  update(settings: AccessLogSettings | null): Promise<void>;
  /** Resolves when everything is written. */
  close(): Promise<void>;
}

/** More than this waits for the disk only if it is stuck: then lines are dropped, not kept. */
const maxBacklogBytes = 16_000_000;

export function createAccessLogs(deps: AccessLogDeps): AccessLogs {
  let open: { readonly key: string; readonly log: OpenLog } | null = null;
  const shut = (): Promise<void> => {
    const former = open;
    open = null;
    return former?.log.close() ?? Promise.resolve();
  };
  return {
    get current() {
      return open?.log ?? null;
    },
    async update(settings) {
      const key = JSON.stringify(settings);
      if (open?.key === key && !open.log.isBroken()) return;
      const toLog = settings === null ? null : await prepareLog(settings, deps);
      void shut();
      if (toLog !== null) open = { key, log: toLog() };
    },
    close: shut,
  };
}

interface OpenLog extends AccessLog {
  isBroken(): boolean;
  close(): Promise<void>;
}

/** Its library is read where a file is wanted. What was open is ended before the other one is opened. */
async function prepareLog(settings: AccessLogSettings, { logger, out }: AccessLogDeps): Promise<() => OpenLog> {
  const toLine = settings.format === "json" ? toJsonLine : toCombinedLine;
  const { path, maxBytes, keep } = settings;
  if (path === null)
    return () => ({ note: (entry) => out(toLine(entry)), isBroken: () => false, close: () => Promise.resolve() });
  const { createStream } = await import("rotating-file-stream");
  const options = { path: dirname(path), size: `${maxBytes}B`, rotate: keep, mode: 0o640 } as const;
  return () => openFile(createStream(basename(path), options), { path, toLine, logger });
}

interface FileLog {
  readonly path: string;
  readonly toLine: (entry: AccessEntry) => string;
  readonly logger: Logger;
}

function openFile(stream: RotatingFileStream, { path, toLine, logger }: FileLog): OpenLog {
  let isBroken = false;
  let dropped = 0;
  stream.on("error", (error) => {
    if (!isBroken) logger.error("access log not written", { path, error: error.message });
    isBroken = true;
  });
  stream.on("warning", (error) => logger.warn("access log not rotated", { path, error: error.message }));
  return {
    note(entry) {
      if (isBroken) return;
      if (stream.writableLength > maxBacklogBytes) {
        if (dropped++ === 0) logger.warn("access log drops lines: the disk is too slow", { path });
        return;
      }
      stream.write(`${toLine(entry)}\n`);
    },
    isBroken: () => isBroken,
    close: () => new Promise((resolve) => void (isBroken ? resolve() : stream.end(() => resolve()))),
  };
}

/** The NCSA combined format, as Apache and nginx write it; the route's alias and the duration in ms behind it. */
export function toCombinedLine(entry: AccessEntry): string {
  const { client, method, target, protocol, status, bytes, referer, userAgent, route, durationMs } = entry;
  const request = `${method} ${target} ${protocol}`;
  return (
    `${client ?? "-"} - - [${toLogTime(entry.at)}] ${quote(request)} ${status} ${bytes === 0 ? "-" : bytes} ` +
    `${quote(referer)} ${quote(userAgent)} ${quote(route)} ${Math.round(durationMs)}`
  );
}

/** One object per line. */
export function toJsonLine(entry: AccessEntry): string {
  const { at, durationMs, client, method, host, target, protocol, status, bytes, route, referer, userAgent } = entry;
  const rest = { protocol, status, bytes, duration_ms: Math.round(durationMs), route, referer, user_agent: userAgent };
  return JSON.stringify({ time: new Date(at).toISOString(), client, method, host, path: target, ...rest });
}

/** Nothing that a client sends may end a field or a line (log forging): what is not plain is escaped as nginx does. */
function quote(text: string | null): string {
  if (text === null) return '"-"';
  const escaped = text.replace(/["\\]|[^ -~]/gu, (special) =>
    Array.from(Buffer.from(special), (byte) => `\\x${byte.toString(16).padStart(2, "0").toUpperCase()}`).join(""),
  );
  return `"${escaped}"`;
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;

/** `10/Oct/2000:13:55:36 +0000`: UTC, whatever the host's zone. */
function toLogTime(wall: number): string {
  const time = new Date(wall);
  const [, clock = ""] = /T([\d:]+)/.exec(time.toISOString()) ?? [];
  const day = String(time.getUTCDate()).padStart(2, "0");
  return `${day}/${months[time.getUTCMonth()]}/${time.getUTCFullYear()}:${clock} +0000`;
}
