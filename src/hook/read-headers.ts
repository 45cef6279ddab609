/** The headers the hook looks at; everything else a browser sends is none of its business. */
const known = [
  "accept",
  "accept-language",
  "host",
  "hx-request",
  "purpose",
  "sec-fetch-dest",
  "sec-fetch-mode",
  "sec-fetch-site",
  "sec-purpose",
  "sec-websocket-key",
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
  /** Lower case. */
  readonly firstLetter: number;
}

/** By the length of the name: most of a request's headers are told apart by that. */
const byLength: (readonly Candidate[] | undefined)[] = [];
for (const name of known) {
  byLength[name.length] = [...(byLength[name.length] ?? []), { name, firstLetter: name.charCodeAt(0) }];
}

/**
 * Reads `rawHeaders` of node:http in one pass. Its own `headers` builds an object of all twenty that a browser sends,
 * which costs more than everything else the hook does for a request.
 */
export function readHeaders(raw: readonly string[]): HookHeaders {
  const headers = none();
  for (let at = 0; at < raw.length; at += 2) {
    const sent = raw[at] ?? "";
    const candidates = byLength[sent.length];
    if (candidates === undefined) continue;
    // A letter's lower case differs by this one bit.
    const firstLetter = sent.charCodeAt(0) | 32;
    let lower = "";
    for (const candidate of candidates) {
      if (candidate.firstLetter !== firstLetter) continue;
      lower ||= sent.toLowerCase();
      if (candidate.name !== lower) continue;
      add(headers, candidate.name, raw[at + 1] ?? "");
      break;
    }
  }
  return headers;
}

/** node:http keeps the first of these and joins the others. */
function add(headers: HookHeaders, name: KnownHeader, value: string): void {
  const before = headers[name];
  if (before === undefined) headers[name] = value;
  else if (name !== "host" && name !== "user-agent") headers[name] = `${before}, ${value}`;
}

/** Written out, so that all have one shape. */
function none(): HookHeaders {
  return {
    accept: undefined,
    "accept-language": undefined,
    host: undefined,
    "hx-request": undefined,
    purpose: undefined,
    "sec-fetch-dest": undefined,
    "sec-fetch-mode": undefined,
    "sec-fetch-site": undefined,
    "sec-purpose": undefined,
    "sec-websocket-key": undefined,
    upgrade: undefined,
    "user-agent": undefined,
    "x-forwarded-for": undefined,
    "x-forwarded-host": undefined,
    "x-forwarded-method": undefined,
    "x-forwarded-proto": undefined,
    "x-forwarded-uri": undefined,
    "x-nodoff-probe": undefined,
    "x-original-addr": undefined,
    "x-original-method": undefined,
    "x-original-proto": undefined,
    "x-original-upgrade": undefined,
    "x-original-uri": undefined,
    "x-requested-with": undefined,
  };
}
