import { createLogger as createWinston, format, transports } from "winston";
import { Writable } from "node:stream";
import { redact } from "./redact.ts";
import type { LogContext, Logger } from "../core/logger.ts";
import type { Logger as Winston } from "winston";

type LogLevel = "debug" | "info" | "warn" | "error";

export interface LoggerOptions {
  readonly level: LogLevel;
  /** `auto` = pretty on a terminal, else JSON. */
  readonly format: "auto" | "pretty" | "json";
  /** Whether the output is a terminal: the only place where colours appear. */
  readonly isTerminal: boolean;
  /** Receives each line without its line end. Default: standard output. */
  readonly write?: (line: string) => void;
  /** Wall clock ms. */
  readonly wall?: () => number;
}

/** The root logger. */
export interface RootLogger extends Logger {
  /** For this logger and all its children, at once. */
  setLevel(level: LogLevel): void;
}

interface Line {
  readonly at: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly context: Record<string, unknown>;
}

const severity: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3 };
const colours: Readonly<Record<LogLevel, number>> = { error: 31, warn: 33, info: 32, debug: 90 };
/** C0 and C1 controls: what a terminal would obey. */
// oxlint-disable-next-line no-control-regex
const controls = /[\u0000-\u001f\u007f-\u009f]/g;

/**
 * The log. One line per call: `{"time", "level", "message", "context"}` as JSON, or for people. Contexts of children are
 * merged (the nearer wins); secrets and stacks never appear, whatever is passed.
 */
export function createLogger(options: LoggerOptions): RootLogger {
  const pretty = options.format === "pretty" || (options.format === "auto" && options.isTerminal);
  const toText = pretty ? (line: Line) => prettyLine(line, options.isTerminal) : jsonLine;
  const wall = options.wall ?? Date.now;
  const winston = createWinston({
    levels: { ...severity },
    level: options.level,
    format: format.printf((info) => toText(toLine(info))),
    transports: [options.write === undefined ? new transports.Console() : toTransport(options.write)],
  });
  const threshold = { at: severity[options.level] };
  const setLevel = (level: LogLevel): void => {
    threshold.at = severity[level];
    winston.level = level;
  };
  return Object.assign(createChild({ winston, threshold, wall }, {}), { setLevel });
}

interface Root {
  readonly winston: Winston;
  /** Compared before anything is built: a filtered line costs one number comparison. */
  readonly threshold: { readonly at: number };
  readonly wall: () => number;
}

function createChild(root: Root, base: LogContext): Logger {
  const log = (level: LogLevel, message: string, context: LogContext | undefined): void => {
    if (severity[level] > root.threshold.at) return;
    const merged = context === undefined ? base : { ...base, ...context };
    const line: Line = { at: root.wall(), level, message, context: redact(merged) };
    root.winston.log({ ...line });
  };
  return {
    get debugEnabled() {
      return root.threshold.at >= severity.debug;
    },
    debug: (message, context) => log("debug", message, context),
    info: (message, context) => log("info", message, context),
    warn: (message, context) => log("warn", message, context),
    error: (message, context) => log("error", message, context),
    child: (context) => createChild(root, { ...base, ...context }),
  };
}

/** What `log` put in comes out of winston typed as anything. */
function toLine(info: object): Line {
  return info as unknown as Line;
}

function toTransport(write: (line: string) => void): transports.StreamTransportInstance {
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      write(chunk);
      done();
    },
  });
  return new transports.Stream({ stream, eol: "" });
}

function jsonLine({ at, level, message, context }: Line): string {
  return JSON.stringify({ time: new Date(at).toISOString(), level, message, context });
}

function prettyLine({ at, level, message, context }: Line, colour: boolean): string {
  const paint = (code: number, text: string): string => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const time = new Date(at).toTimeString().slice(0, 8);
  const facts = Object.entries(context).map(([key, value]) => `${paint(90, `${key}=`)}${prettyValue(value)}`);
  return [paint(90, time), paint(colours[level], level.padEnd(5)), escapeControls(message), ...facts].join(" ");
}

function prettyValue(value: unknown): string {
  if (typeof value === "string" && /^[^\s"=]+$/.test(value)) return escapeControls(value);
  return escapeControls(JSON.stringify(value));
}

/** Names of hosts and engines come from outside: none of them may move the cursor or start a line of its own. */
function escapeControls(text: string): string {
  return text.replace(controls, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
