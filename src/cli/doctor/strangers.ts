import type { Exam } from "./evidence.ts";
import type { Finding } from "./finding.ts";
import { strangersLine } from "./lines.ts";
import { send } from "./send.ts";

/** Whether the hook refuses who is no proxy of yours: asked at nodoff's own address, as a stranger would. */
export async function examineStrangers(base: URL, exam: Exam, stop: AbortSignal): Promise<Finding> {
  const check = "strangers" as const;
  if (exam.trusted && !exam.proxied) {
    const text = `this machine (${exam.peer}) is one of trusted_proxies, so it is no stranger: ask from another one, with --url`;
    return { check, result: "skipped", code: "trusted_here", text };
  }
  const forwarded = {
    "x-forwarded-method": "GET",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "nodoff-doctor.invalid",
    "x-forwarded-uri": "/",
    "x-nodoff-probe": `${exam.nonce}.stranger`,
  };
  const url = new URL("auth/caddy", base);
  const reply = await send({ url, connectTo: null, headers: forwarded, timeoutMs: 10_000, stop });
  if (reply.kind === "failed")
    return { check, result: "skipped", code: "hook_unreachable", text: `the hook does not answer (${reply.message})` };
  if (reply.status >= 300) {
    const text = `the hook refuses strangers (${reply.status})`;
    return { check, result: "ok", code: "strangers_refused", text };
  }
  const text = `anybody can ask the hook at ${url.href}, and so wake services and make up clients`;
  return { check, result: "error", code: "strangers_let_in", text, lines: strangersLine(base.hostname) };
}
