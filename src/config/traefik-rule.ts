import { parseHostPattern } from "./addresses.ts";

/** What a rule matches, exactly: any of these hosts under this path prefix. */
interface RuleDoor {
  /** `*` = any host. */
  readonly host: string;
  /** Prefix; `/` = all. */
  readonly path: string;
}

export type RuleReading =
  | { readonly ok: true; readonly doors: readonly RuleDoor[] }
  /** Why the rule cannot be said in hosts and path prefixes. */
  | { readonly ok: false; readonly why: string };

type Token =
  | { readonly kind: "symbol"; readonly text: string }
  | { readonly kind: "name"; readonly text: string }
  | { readonly kind: "string"; readonly text: string };

/** Not a defect: the rule says something that doors cannot, so nothing of it may be used. */
class Unreadable extends Error {
  override readonly name = "Unreadable";
}

const mostDoors = 1000;

/**
 * Reads a Traefik router rule (v2 and v3 syntax: matchers with quoted arguments, `&&`, `||`, `!`, parentheses) as doors.
 * Only what can be said exactly is read: Host and PathPrefix in any combination. Traefik compares prefixes as text,
 * routes on segment boundaries: the only liberty taken.
 */
export function parseTraefikRule(rule: string): RuleReading {
  try {
    const tokens = tokenize(rule);
    const { doors, end } = parseOr(tokens, 0);
    if (end < tokens.length) throw new Unreadable(`unexpected ${describe(tokens[end])}`);
    return { ok: true, doors: unique(doors) };
  } catch (error) {
    if (error instanceof Unreadable) return { ok: false, why: error.message };
    throw error;
  }
}

const tokenPattern =
  /\s*(?:(?<symbol>&&|\|\||[!(),])|(?<name>[A-Za-z]\w*)|`(?<raw>[^`]*)`|"(?<quoted>(?:[^"\\]|\\.)*)")\s*/y;

function tokenize(rule: string): Token[] {
  const tokens: Token[] = [];
  let end = 0;
  while (end < rule.length) {
    tokenPattern.lastIndex = end;
    const groups = tokenPattern.exec(rule)?.groups;
    if (groups === undefined) throw new Unreadable(`unexpected "${rule.slice(end).trim()}"`);
    end = tokenPattern.lastIndex;
    const { symbol, name, raw, quoted } = groups;
    if (symbol !== undefined) tokens.push({ kind: "symbol", text: symbol });
    else if (name !== undefined) tokens.push({ kind: "name", text: name });
    else tokens.push({ kind: "string", text: raw ?? unquote(quoted ?? "") });
  }
  if (tokens.length === 0) throw new Unreadable("it is empty");
  return tokens;
}

function unquote(text: string): string {
  if (/\\[^"\\]/.test(text)) throw new Unreadable(`the escape in "${text}"`);
  return text.replaceAll(/\\(.)/g, "$1");
}

interface Parsed {
  readonly doors: readonly RuleDoor[];
  readonly end: number;
}

function parseOr(tokens: readonly Token[], start: number): Parsed {
  const first = parseAnd(tokens, start);
  const doors = [...first.doors];
  let { end } = first;
  while (isSymbol(tokens[end], "||")) {
    const next = parseAnd(tokens, end + 1);
    doors.push(...next.doors);
    end = next.end;
  }
  return { doors, end };
}

function parseAnd(tokens: readonly Token[], start: number): Parsed {
  let { doors, end } = parseTerm(tokens, start);
  while (isSymbol(tokens[end], "&&")) {
    const next = parseTerm(tokens, end + 1);
    if (doors.length * next.doors.length > mostDoors) throw new Unreadable("it has too many alternatives");
    doors = doors.flatMap((left) => next.doors.flatMap((right) => both(left, right)));
    end = next.end;
  }
  return { doors, end };
}

function parseTerm(tokens: readonly Token[], start: number): Parsed {
  const token = tokens[start];
  if (isSymbol(token, "!")) throw new Unreadable("it excludes with !");
  if (isSymbol(token, "(")) {
    const inner = parseOr(tokens, start + 1);
    if (!isSymbol(tokens[inner.end], ")")) throw new Unreadable('a ")" is missing');
    return { doors: inner.doors, end: inner.end + 1 };
  }
  if (token?.kind !== "name") throw new Unreadable(`unexpected ${describe(token)}`);
  const { values, end } = parseArguments(tokens, start + 1);
  return { doors: values.map((value) => toDoor(token.text, value)), end };
}

function parseArguments(tokens: readonly Token[], start: number): { values: readonly string[]; end: number } {
  if (!isSymbol(tokens[start], "(")) throw new Unreadable(`unexpected ${describe(tokens[start])}`);
  const values: string[] = [];
  for (let at = start + 1; ; at += 2) {
    const value = tokens[at];
    if (value?.kind !== "string") throw new Unreadable(`unexpected ${describe(value)}`);
    values.push(value.text);
    if (isSymbol(tokens[at + 1], ")")) return { values, end: at + 2 };
    if (!isSymbol(tokens[at + 1], ",")) throw new Unreadable(`unexpected ${describe(tokens[at + 1])}`);
  }
}

/** Traefik takes matcher names in any case. */
function toDoor(matcher: string, value: string): RuleDoor {
  switch (matcher.toLowerCase()) {
    case "host": {
      const host = parseHostPattern(value);
      if (host === undefined || host.includes("*")) throw new Unreadable(`"${value}" is not a host`);
      return { host, path: "/" };
    }
    case "pathprefix":
      if (!/^\/[^{}?#\s]*$/.test(value)) throw new Unreadable(`"${value}" is not a plain path prefix`);
      return { host: "*", path: value.replace(/(?<=.)\/+$/, "") };
    default:
      throw new Unreadable(`${matcher} is not a host or path prefix`);
  }
}

/** What both match: the longer of two nested prefixes, nothing where hosts or paths differ. */
function both(left: RuleDoor, right: RuleDoor): RuleDoor[] {
  if (left.host !== "*" && right.host !== "*" && left.host !== right.host) return [];
  const host = left.host === "*" ? right.host : left.host;
  if (isUnder(left.path, right.path)) return [{ host, path: left.path }];
  return isUnder(right.path, left.path) ? [{ host, path: right.path }] : [];
}

function isUnder(path: string, prefix: string): boolean {
  return prefix === "/" || path === prefix || path.startsWith(`${prefix}/`);
}

function unique(doors: readonly RuleDoor[]): RuleDoor[] {
  return [...new Map(doors.map((door) => [`${door.host} ${door.path}`, door])).values()];
}

function isSymbol(token: Token | undefined, text: string): boolean {
  return token?.kind === "symbol" && token.text === text;
}

function describe(token: Token | undefined): string {
  return token === undefined ? "end" : `"${token.text}"`;
}
