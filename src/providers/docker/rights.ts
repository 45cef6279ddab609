import type { Container } from "dockerode";
import { NodoffError } from "../../core/errors.ts";
import type { IoOptions } from "../../core/provider.ts";
import type { Client } from "./client.ts";

/** No engine has it: every call with it is answered 404, or 403 by a socket proxy that does not let it through. */
const nobody = "nodoff-asks-whether-it-may";

type Ask = (container: Container, abortSignal: AbortSignal) => Promise<unknown>;

const asks: readonly (readonly [string, Ask])[] = [
  ["start", (container, abortSignal) => container.start({ abortSignal })],
  ["stop", (container, abortSignal) => container.stop({ abortSignal })],
  ["kill", (container, abortSignal) => container.kill({ abortSignal })],
  ["pause", (container, abortSignal) => container.pause({ abortSignal })],
  ["unpause", (container, abortSignal) => container.unpause({ abortSignal })],
];

/** Which power calls a socket proxy will refuse, as its allow list writes them. Changes nothing; never rejects. */
export async function missingRights(client: Client, options: IoOptions): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const [verb, ask] of asks) {
    const call = `POST /containers/{id}/${verb}`;
    try {
      await client.call(call, options, ({ docker }, abortSignal) => ask(docker.getContainer(nobody), abortSignal));
    } catch (error) {
      if (error instanceof NodoffError && error.code === "PROVIDER_FORBIDDEN") missing.push(call);
    }
  }
  return missing;
}
