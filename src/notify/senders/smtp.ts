import type { Transporter } from "nodemailer";
import type { NotifierSpec } from "../../core/notices.ts";
import { SendError, type Sender } from "../sender.ts";
import { toText } from "../text.ts";

const timeoutMs = 10_000;

/** One mail per notice. The library is loaded with the first one. */
export function createSmtpSender(spec: NotifierSpec & { readonly type: "smtp" }): Sender {
  const { url, from, to } = spec;

  async function use<T>(signal: AbortSignal, work: (transport: Transporter) => Promise<T>): Promise<T> {
    const { createTransport } = await import("nodemailer");
    const limits = { connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs };
    const transport = createTransport({ url, ...limits });
    // It takes no signal; closing it ends what is under way.
    const end = (): void => transport.close();
    signal.addEventListener("abort", end, { once: true });
    try {
      return await work(transport);
    } catch (error) {
      throw toMailError(error);
    } finally {
      signal.removeEventListener("abort", end);
      transport.close();
    }
  }

  return {
    async send(notice, { signal }) {
      const { title, lines } = toText(notice);
      const text = [title, ...lines].join("\n");
      await use(signal, (transport) => transport.sendMail({ from, to: [...to], subject: `nodoff: ${title}`, text }));
    },
    async verify({ signal }) {
      await use(signal, (transport) => transport.verify());
    },
    close: () => undefined,
  };
}

/** RFC 5321 section 4.2.1: 5yz is for good, everything else for now. Messages of the server may repeat the login. */
function toMailError(error: unknown): SendError {
  const { code = "", responseCode } = error as { readonly code?: string; readonly responseCode?: number };
  if (code === "EAUTH") return new SendError("it refuses the login", { isWorthRetrying: false });
  if (responseCode === undefined) return new SendError(reasons[code] ?? "not reachable", { isWorthRetrying: true });
  return new SendError(`it answered ${responseCode}`, { isWorthRetrying: responseCode < 500 });
}

const reasons: Readonly<Record<string, string>> = {
  ECONNECTION: "not reachable",
  ESOCKET: "not reachable",
  EDNS: "host name not known",
  ETIMEDOUT: "timed out",
  ETLS: "no encryption could be agreed on",
};
