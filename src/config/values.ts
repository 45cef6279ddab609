import { parseJsonPath } from "../core/json-path.ts";
import { constants } from "node:os";
import { parseByteRate, parsePercent, parseRate, parseSize } from "../core/size.ts";
import type { StatusRanges } from "../core/spec.ts";
import {
  bad,
  choiceReader,
  good,
  integerReader,
  readFlag,
  readScalarText,
  readText,
  show,
  textReader,
} from "./readers.ts";
import type { Reader, Reading } from "./readers.ts";
import { leaf, namePattern } from "./shape.ts";
import { didYouMean } from "./suggest.ts";

/** Text that is not empty. */
export function text() {
  return leaf(readText, { type: "string" });
}

/** Text that no error message may repeat. */
export function secret() {
  const read: Reader<string> = (value) =>
    typeof value === "string" ? readText(value) : bad("is not text: put it in quotes");
  return leaf(read, { type: "string" });
}

/** An alias. */
export function name() {
  const parse = (given: string): string | undefined => (namePattern.test(given) ? given : undefined);
  return leaf(textReader(parse, 'a name (letters, digits, ".", "_" and "-")'), { type: "string" });
}

/** Text that may be empty; never repeated by an error message. */
export function anyText() {
  const read: Reader<string> = (value) =>
    typeof value === "string" ? good(value) : bad("is not text: put it in quotes");
  return leaf(read, { type: "string" });
}

/** Text, number or switch, as text. */
export function scalarText() {
  return leaf(readScalarText, { type: ["string", "number", "boolean"] });
}

/** A name or a number, as text (a guest's VMID). */
export function nameOrNumber() {
  return leaf((value) => (typeof value === "number" ? good(String(value)) : readText(value)), {
    type: ["string", "integer"],
  });
}

export function flag() {
  return leaf(readFlag, { type: ["boolean", "string"], pattern: "\\$\\{" });
}

/** A whole number within bounds. */
export function integer(minimum: number, maximum: number = Number.MAX_SAFE_INTEGER) {
  return leaf(integerReader(minimum, maximum), { type: ["integer", "string"], minimum, maximum, pattern: "\\$\\{" });
}

/** A TCP or UDP port. */
export function port() {
  return integer(1, 65_535);
}

export function choice<const W extends readonly string[]>(...words: W) {
  return leaf(choiceReader(words), { type: "string", enum: words });
}

/** Bytes per second of a floor such as `256B/s`. */
export function byteRate() {
  return leaf(textReader(parseByteRate, "a rate such as 256B/s"), { type: ["string", "integer"] });
}

/** Bytes of a size such as `10MB`. */
export function size() {
  const suggest = (given: string): string | undefined => (/^[1-9]\d*$/.test(given) ? `${given}B` : undefined);
  return leaf(textReader(parseSize, "a size such as 10MB", suggest), {
    type: ["string", "integer"],
    pattern: "^\\d|\\$\\{",
  });
}

/** A limit such as `10/1m`. */
export function rate() {
  return leaf(textReader(parseRate, "a limit such as 10/1m"), { type: "string", pattern: "^\\d+/|\\$\\{" });
}

/** The fraction behind `5%`. */
export function percent() {
  return leaf(
    textReader(parsePercent, "a percentage such as 5%", (given) => (/^\d+$/.test(given) ? `${given}%` : undefined)),
    { type: "string", pattern: "%$|\\$\\{" },
  );
}

function startsWithSlash(given: string): string | undefined {
  return given.startsWith("/") && !/[?#\s]/.test(given) ? given : undefined;
}

function withSlash(given: string): string | undefined {
  return startsWithSlash(`/${given}`);
}

/** A path as a browser sends it, without query. */
export function path() {
  return leaf(textReader(startsWithSlash, "a path that starts with /", withSlash), {
    type: "string",
    pattern: "^/|\\$\\{",
  });
}

/** A path that may carry a query: what we ask for ourselves. */
export function pathAndQuery() {
  const parse = (given: string): string | undefined =>
    given.startsWith("/") && !/[#\s]/.test(given) ? given : undefined;
  return leaf(textReader(parse, "a path that starts with /", withSlash), { type: "string", pattern: "^/|\\$\\{" });
}

/** A path with `*` for any run of characters. */
export function pathGlob() {
  const parse = (given: string): string | undefined => (/^[/*][^?#\s]*$/.test(given) ? given : undefined);
  return leaf(textReader(parse, "a path that starts with / or *", withSlash), {
    type: "string",
    pattern: "^[/*]|\\$\\{",
  });
}

/** A path prefix: without its trailing slash, `/` for all. */
export function pathPrefix() {
  const parse = (given: string): string | undefined => {
    const prefix = startsWithSlash(given);
    return prefix === undefined || prefix.includes("*") ? undefined : prefix.replace(/(?<=.)\/+$/, "");
  };
  const suggest = (given: string): string | undefined =>
    parse(given.startsWith("/") ? given.replace(/\*+$/, "") : `/${given}`);
  return leaf(textReader(parse, "a path prefix that starts with /", suggest), { type: "string", pattern: "^/|\\$\\{" });
}

/** An HTTP method, in capitals. */
export function method() {
  const parse = (given: string): string | undefined => (/^[A-Za-z]+$/.test(given) ? given.toUpperCase() : undefined);
  return leaf(textReader(parse, "an HTTP method"), { type: "string" });
}

/** Where a value stands in JSON, as RFC 9535 says it. */
export function jsonPath() {
  const parse = (given: string): string | undefined => (parseJsonPath(given) === undefined ? undefined : given);
  const suggest = (given: string): string | undefined => parse(given.startsWith(".") ? `$${given}` : `$.${given}`);
  return leaf(textReader(parse, "a path such as $.jobs[0].active", suggest), { type: "string", pattern: "^\\$" });
}

/** `project/service`. */
export function composeService() {
  const parse = (given: string): string | undefined => (/^[^/\s]+\/[^/\s]+$/.test(given) ? given : undefined);
  return leaf(textReader(parse, "a service such as project/web"), { type: "string", pattern: "^[^/]+/[^/]+$|\\$\\{" });
}

/** Inclusive status ranges: `200-399`, `200,204`, `200`, or a list of these. */
export function statusRanges() {
  const read: Reader<StatusRanges> = (value) => {
    const parts = Array.isArray(value) ? value : String(value).split(",");
    const ranges = parts.map((part) => parseStatusRange(String(part).trim()));
    const complete = ranges.filter((range) => range !== undefined);
    if (complete.length === ranges.length && ranges.length > 0) return good(complete);
    return bad(
      `${Array.isArray(value) ? `"${value.join(", ")}"` : show(value)} is not a range of HTTP statuses such as 200-399`,
    );
  };
  return leaf(read, { type: ["string", "integer", "array"] });
}

function parseStatusRange(given: string): readonly [number, number] | undefined {
  const [, first = "", last = first] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(given) ?? [];
  return first === "" || Number(first) > Number(last) ? undefined : [Number(first), Number(last)];
}

/**
 * The source of a regular expression: `/…/`, with the flags i, m and s, or plain text, which is looked for as it
 * stands. Sources are compiled with the flag u.
 */
export function logPattern() {
  return leaf(readLogPattern, { type: "string" });
}

function readLogPattern(value: unknown): Reading<string> {
  const given = readText(value);
  if (!given.ok) return given;
  const [, body, flags = ""] = /^\/(.+)\/([a-z]*)$/s.exec(given.value) ?? [];
  if (body === undefined) return good(RegExp.escape(given.value));
  const source = flags === "" ? body : `(?${flags}:${body})`;
  try {
    // Compiled only to learn whether it can be.
    return good(new RegExp(source, "u").source);
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^Invalid regular expression: /, "") : String(error);
    return bad(`${show(value)} is not a regular expression: ${why}`);
  }
}

// What people stop with comes first, so that it wins among equally near names.
const signalNames = [
  ...new Set(["SIGTERM", "SIGINT", "SIGQUIT", "SIGKILL", "SIGHUP", ...Object.keys(constants.signals)]),
];

/** A signal's name with its SIG; numbers are passed on to the engine. */
export function signal() {
  const read: Reader<string> = (value) => {
    const given = String(value).toUpperCase();
    if (/^\d{1,2}$/.test(given)) return good(given);
    const name = given.startsWith("SIG") ? given : `SIG${given}`;
    if (signalNames.includes(name) || /^SIGRTM(?:IN|AX)(?:[+-]\d+)?$/.test(name)) return good(name);
    return bad(`${show(value)} is not a signal${didYouMean(name, signalNames)}`);
  };
  return leaf(read, { type: ["string", "integer"] });
}
