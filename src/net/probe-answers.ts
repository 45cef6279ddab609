import type { ProbeResult } from "../core/prober.ts";
import type { StatusRanges } from "../core/spec.ts";

/** Judges what was received so far; null = more is needed. */
export type ReadAnswer = (received: Buffer) => ProbeResult | null;

const statusLine = /^HTTP\/1\.[01] (\d{3})(?: ([^\r\n]*))?\r?$/;
const beginning = "HTTP/1.";

/**
 * Judges an HTTP/1 answer by its status line (RFC 9112 section 4), read strictly: a port relay's or another protocol's
 * bytes are no answer. `ranges` null: any complete status line but 502, 503, 504, which a proxy in front of the app
 * says for it. Interim answers (1xx) are passed over.
 */
export function readStatus(ranges: StatusRanges | null): ReadAnswer {
  return (received) => {
    // latin1 keeps one character per byte, so positions hold.
    let rest = received.toString("latin1");
    for (;;) {
      const end = rest.indexOf("\n");
      if (end === -1) {
        const isPossible = beginning.startsWith(rest.slice(0, beginning.length));
        return isPossible ? null : { ok: false, detail: "the answer is not HTTP" };
      }
      const match = statusLine.exec(rest.slice(0, end));
      if (match === null) return { ok: false, detail: "the answer is not HTTP" };
      const status = Number(match[1]);
      if (status < 100 || status > 599) return { ok: false, detail: `no valid status: ${status}` };
      if (status >= 200 || status === 101) return judge(status, match[2] ?? "", ranges);
      const blank = rest.search(/\r?\n\r?\n/);
      if (blank === -1) return null;
      rest = rest.slice(blank).replace(/^\r?\n\r?\n/, "");
    }
  };
}

function judge(status: number, reason: string, ranges: StatusRanges | null): ProbeResult {
  const ok =
    ranges === null ? status < 502 || status > 504 : ranges.some(([first, last]) => status >= first && status <= last);
  return { ok, detail: reason === "" ? String(status) : `${status} ${reason.slice(0, 80)}` };
}

/** The client's connection preface with empty SETTINGS (RFC 9113 sections 3.4 and 6.5), as latin1. */
export const h2Greeting = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

const frameHeadBytes = 9;
const settingsType = 4;
const ackFlag = 1;

/** Judges an HTTP/2 server by its preface: a SETTINGS frame on stream 0, and no acknowledgement. */
export const readH2Settings: ReadAnswer = (received) => {
  if (received.length < frameHeadBytes) return null;
  const length = received.readUIntBE(0, 3);
  const isSettings =
    received[3] === settingsType &&
    ((received[4] ?? 0) & ackFlag) === 0 &&
    received.readUInt32BE(5) === 0 &&
    length % 6 === 0;
  return isSettings ? { ok: true, detail: "HTTP/2 settings" } : { ok: false, detail: "the answer is not HTTP/2" };
};
