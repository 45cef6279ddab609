import { type Dispatcher, request } from "undici";
import { z } from "zod";
import { readKeptToken } from "../app-admin.ts";
import { readConfig } from "./config-source.ts";
import { CommandFailure } from "./failure.ts";
import { plain } from "./paint.ts";
import { showBase, toBase, type UrlOptions } from "./own-url.ts";
import { exitCodes, type World } from "./world.ts";

/** The values of `clientOptions`. */
export interface ClientOptions extends UrlOptions {
  readonly token: string | undefined;
}

/**
 * The API of a running nodoff. Every call throws a CommandFailure: exit code 4 where nodoff does not answer, else 1 with
 * what it said.
 */
export interface Client {
  /** Where it is, for people. */
  readonly base: URL;
  /** `path` without `/api/v1/`. */
  get<T>(path: string, shape: z.ZodType<T>): Promise<T>;
  post<T>(path: string, shape: z.ZodType<T>, options?: PostOptions): Promise<T>;
  /** An answer that goes on until `signal`: the body as it comes. */
  open(path: string, options: { readonly signal: AbortSignal }): Promise<Dispatcher.ResponseData>;
}

export interface PostOptions {
  readonly body?: object;
  /** However long it takes: until the command is stopped. */
  readonly patient?: true;
}

/** Longer than nodoff waits for whatever it asks itself. */
const timeoutMs = 60_000;

export async function openClient(options: ClientOptions, world: World): Promise<Client> {
  const base = await toBase(options, world);
  const token = options.token ?? (world.env["NODOFF_TOKEN"] || storedToken(options, world));
  // Headers are written as latin1, tokens are UTF-8.
  const authorization = token === null ? {} : { authorization: Buffer.from(`Bearer ${token}`).toString("latin1") };
  const ask: Ask = async (method, path, { body, signal, patient = false } = {}) => {
    const url = new URL(`api/v1/${path}`, base);
    const content = body === undefined ? {} : { "content-type": "application/json" };
    const limits = { headersTimeout: patient ? 0 : timeoutMs, bodyTimeout: signal === undefined ? timeoutMs : 0 };
    const reply = await request(url, {
      method,
      headers: { accept: "application/json, application/problem+json", ...authorization, ...content },
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ?? world.stop,
      ...limits,
    }).catch((error: unknown) => {
      throw new CommandFailure(`not reachable at ${showBase(base)}: ${toReason(error)}`, exitCodes.notReachable);
    });
    if (reply.statusCode >= 300) throw await toFailure(reply, base);
    return reply;
  };
  return {
    base,
    get: async (path, shape) => read(await ask("GET", path), shape, base),
    post: async (path, shape, options = {}) => read(await ask("POST", path, { body: {}, ...options }), shape, base),
    open: (path, { signal }) => ask("GET", path, { signal }),
  };
}

type Ask = (
  method: "GET" | "POST",
  path: string,
  options?: PostOptions & { readonly signal?: AbortSignal },
) => Promise<Dispatcher.ResponseData>;

async function read<T>(reply: Dispatcher.ResponseData, shape: z.ZodType<T>, base: URL): Promise<T> {
  const parsed = shape.safeParse(await reply.body.json().catch(() => undefined));
  if (parsed.success) return parsed.data;
  throw new CommandFailure(`what answers at ${showBase(base)} is no nodoff, or one of another version`);
}

/** RFC 9457, as far as it is shown. */
const Problem = z.object({
  title: z.string(),
  code: z.string(),
  detail: z.string().optional(),
  reasons: z.array(z.object({ text: z.string() })).optional(),
});

/** What nodoff refused, in its own words. */
async function toFailure({ statusCode, body }: Dispatcher.ResponseData, base: URL): Promise<CommandFailure> {
  const problem = Problem.safeParse(await body.json().catch(() => undefined));
  if (!problem.success) return new CommandFailure(`${showBase(base)} answered ${statusCode}: is that nodoff?`);
  const { title, code, detail, reasons = [] } = problem.data;
  const hint = statusCode === 401 ? " (give it by --token or NODOFF_TOKEN)" : "";
  const lines = [`${plain(detail ?? title)}${hint}`, ...reasons.map(({ text }) => `  ${plain(text)}`)];
  return new CommandFailure(lines.join("\n"), exitCodes.failed, code);
}

/** The token a nodoff on this machine uses: that of the configuration, else the one it made itself. */
/** The token of the configuration, else the one a nodoff here made for itself. */
function storedToken(options: UrlOptions, world: World): string | null {
  const config = readConfig(options, world);
  return config === null ? null : (config.admin.token ?? readKeptToken(config.stateDir));
}

function toReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // "connect ECONNREFUSED 127.0.0.1:8090" of several addresses at once comes without words of its own.
  if (error instanceof AggregateError && error.message === "") return error.errors.map(toReason).join(", ");
  return error.message;
}
