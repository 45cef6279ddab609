import type { Agent } from "undici";
import { SendError, toSendError } from "./sender.ts";

export interface PostOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

/** Posts over connections of its own; nothing of an answer is believed but its status. */
export interface Poster {
  post(options: PostOptions): Promise<void>;
  close(): void;
}

export function createPoster(): Poster {
  let agent: Agent | null = null;
  return {
    async post({ url, headers, body, signal }) {
      const { origin, pathname, search, username, password } = new URL(url);
      const user = username === "" && password === "" ? {} : { authorization: basic(username, password) };
      try {
        // With the first notice: it is a tenth of what nodoff takes to start.
        const { Agent, request } = await import("undici");
        agent ??= new Agent({ connections: 1, pipelining: 1, keepAliveTimeout: 1_000 });
        const answer = await request(`${origin}${pathname}${search}`, {
          method: "POST",
          headers: { "user-agent": "nodoff", ...user, ...headers },
          body,
          signal,
          dispatcher: agent,
        });
        await answer.body.dump({ limit: 65_536 });
        const { statusCode } = answer;
        if (statusCode >= 200 && statusCode < 300) return;
        throw refused(statusCode, answer.headers["retry-after"]);
      } catch (error) {
        throw toSendError(error);
      }
    },
    close: () => void agent?.destroy().catch(() => undefined),
  };
}

function basic(user: string, password: string): string {
  const text = `${decodeURIComponent(user)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(text).toString("base64")}`;
}

function refused(status: number, retryAfter: string | string[] | undefined): SendError {
  const seconds = Number(retryAfter);
  const isWorthRetrying = status >= 500 || status === 408 || status === 425 || status === 429;
  const retryAfterMs = retryAfter !== undefined && Number.isFinite(seconds) ? seconds * 1_000 : null;
  return new SendError(`it answered ${status}`, { isWorthRetrying, retryAfterMs });
}
