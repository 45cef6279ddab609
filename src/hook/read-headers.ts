/** The headers the hook looks at, and those by which HTTP itself works; what else a browser sends is none of its business. */
const known = [
  "accept",
  "accept-language",
  "connection",
  "content-length",
  "expect",
  "host",
  "hx-request",
  "purpose",
  "sec-fetch-dest",
  "sec-fetch-mode",
  "sec-fetch-site",
  "sec-purpose",
  "sec-websocket-key",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "user-agent",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-method",
  "x-forwarded-proto",
  "x-forwarded-uri",
  "x-nodoff-probe",
  "x-original-addr",
  "x-original-method",
  "x-original-proto",
  "x-original-upgrade",
  "x-original-uri",
  "x-requested-with",
] as const;

export type KnownHeader = (typeof known)[number];

/** What was sent of them, under lower-case names; several of one name joined as node:http joins them. */
export type HookHeaders = Record<KnownHeader, string | undefined>;

interface Candidate {
  readonly name: KnownHeader;
  /** Its place in `known`. */
  readonly at: number;
  /** `X-Forwarded-For`: how Go writes it, so Traefik and Caddy. */
  readonly capitalised: string;
  readonly letters: number;
  /** Of several, only the first counts. */
  readonly isSingle: boolean;
}

const singles: ReadonlySet<string> = new Set(["content-length", "host", "user-agent"]);

/** By the length of the name: most of a request's headers are told apart by that. */
const byLength: (readonly Candidate[] | undefined)[] = [];
for (const [at, name] of known.entries()) {
  const capitalised = name.replace(/(?:^|-)./g, (letter) => letter.toUpperCase());
  const candidate = { name, at, capitalised, letters: lettersOf(name), isSingle: singles.has(name) };
  byLength[name.length] = [...(byLength[name.length] ?? []), candidate];
}

const none: readonly (string | undefined)[] = known.map(() => undefined);

/** Reads `rawHeaders` of node:http in one pass. */
export function readHeaders(raw: readonly string[]): HookHeaders {
  const values: (string | undefined)[] = none.slice();
  for (let at = 0; at < raw.length; at += 2) {
    const sent = raw[at] ?? "";
    const candidates = byLength[sent.length];
    if (candidates === undefined) continue;
    const letters = lettersOf(sent);
    for (const candidate of candidates) {
      if (candidate.letters !== letters || !isSpelling(sent, candidate)) continue;
      const value = raw[at + 1] ?? "";
      const before = values[candidate.at];
      if (before === undefined) values[candidate.at] = value;
      else if (!candidate.isSingle) values[candidate.at] = `${before}, ${value}`;
      break;
    }
  }
  return toObject(values);
}

/** First and last letter in one number, whatever their case: it differs by one bit. */
function lettersOf(name: string): number {
  return ((name.charCodeAt(0) | 32) << 8) | name.charCodeAt(name.length - 1) | 32;
}

/** Nearly all are spelt one of two ways: comparing is less than making the lower case of each. */
function isSpelling(sent: string, { name, capitalised }: Candidate): boolean {
  return sent === capitalised || sent === name || sent.toLowerCase() === name;
}

/** Written out in the order of `known`, so that all have one shape and are made in one go. */
function toObject(values: readonly (string | undefined)[]): HookHeaders {
  return {
    accept: values[0],
    "accept-language": values[1],
    connection: values[2],
    "content-length": values[3],
    expect: values[4],
    host: values[5],
    "hx-request": values[6],
    purpose: values[7],
    "sec-fetch-dest": values[8],
    "sec-fetch-mode": values[9],
    "sec-fetch-site": values[10],
    "sec-purpose": values[11],
    "sec-websocket-key": values[12],
    te: values[13],
    trailer: values[14],
    "transfer-encoding": values[15],
    upgrade: values[16],
    "user-agent": values[17],
    "x-forwarded-for": values[18],
    "x-forwarded-host": values[19],
    "x-forwarded-method": values[20],
    "x-forwarded-proto": values[21],
    "x-forwarded-uri": values[22],
    "x-nodoff-probe": values[23],
    "x-original-addr": values[24],
    "x-original-method": values[25],
    "x-original-proto": values[26],
    "x-original-upgrade": values[27],
    "x-original-uri": values[28],
    "x-requested-with": values[29],
  };
}
