import { didYouMean } from "./suggest.ts";

/** What reading one value gave: the value in core units, or what is wrong with it. */
export type Reading<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

/**
 * Reads one scalar. `loose`: the text comes from a label or a variable, so `"true"` and `"3000"` are as good as the
 * bare YAML values.
 */
export type Reader<T> = (value: unknown, loose: boolean) => Reading<T>;

export function good<T>(value: T): Reading<T> {
  return { ok: true, value };
}

export function bad(problem: string): Reading<never> {
  return { ok: false, problem };
}

/** The value as an error message shows it. */
export function show(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a map";
  return `"${String(value)}"`;
}

/** Text that is not empty. */
export function readText(value: unknown): Reading<string> {
  if (typeof value === "string") return value === "" ? bad("must not be empty") : good(value);
  if (typeof value === "number" || typeof value === "boolean")
    return bad(`${String(value)} is not text here: quote it ("${String(value)}")`);
  return bad(`${show(value)} is not text`);
}

/** Text, a number or a switch, as text: values of headers and of the environment. */
export function readScalarText(value: unknown): Reading<string> {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return good(String(value));
  return bad(`${show(value)} is not text`);
}

/** A reader of text that has a form; `parse` gives undefined for what does not have it. */
export function textReader<T>(
  parse: (text: string) => T | undefined,
  what: string,
  suggest: (text: string) => string | undefined = () => undefined,
): Reader<T> {
  return (value) => {
    const text = typeof value === "number" ? String(value) : value;
    const parsed = typeof text === "string" ? parse(text) : undefined;
    if (parsed !== undefined) return good(parsed);
    const better = typeof text === "string" ? suggest(text) : undefined;
    return bad(`${show(value)} is not ${what}${better === undefined ? "" : ` (did you mean "${better}"?)`}`);
  };
}

export function readFlag(value: unknown, loose: boolean): Reading<boolean> {
  if (typeof value === "boolean") return good(value);
  if (loose && typeof value === "string") {
    if (/^(?:true|True|TRUE)$/.test(value)) return good(true);
    if (/^(?:false|False|FALSE)$/.test(value)) return good(false);
  }
  return bad(`${show(value)} is not true or false`);
}

/** A whole number within bounds. */
export function integerReader(min: number, max: number): Reader<number> {
  return (value, loose) => {
    const number = loose && typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value;
    if (typeof number !== "number" || !Number.isInteger(number)) return bad(`${show(value)} is not a whole number`);
    if (number < min) return bad(`${show(value)} is too small (at least ${min})`);
    return number > max ? bad(`${show(value)} is too large (at most ${max})`) : good(number);
  };
}

/** One of a few words. */
export function choiceReader<const W extends readonly string[]>(words: W): Reader<W[number]> {
  return (value) => {
    const word = words.find((known) => known === value);
    if (word !== undefined) return good(word);
    const near = typeof value === "string" ? didYouMean(value, words) : "";
    return bad(`${show(value)} is not one of ${words.join(", ")}${near}`);
  };
}
