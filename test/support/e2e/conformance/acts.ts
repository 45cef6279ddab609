import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, constants, type IncomingHttpHeaders } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";
import { until } from "../child.ts";
import { ask, echo, type Question, type Reply } from "../client.ts";
import type { AppStats } from "../docker.ts";
import type { Play } from "./cases.ts";
import type { StageDoor } from "./stage.ts";
import type { Guest } from "./world.ts";

/**
 * nginx keeps an address it looked up for a second, its shortest, and a container may come back at another. Nobody's
 * app sleeps so soon after a request but here.
 */
export const keptAddressMs = 1_100;

/** Puts the app to sleep as nodoff does it itself, and waits until everybody knows. Returns the engine's time. */
export async function asleep({
  nodoff,
  guest,
  ...doors
}: Pick<Play, "nodoff" | "guest" | "door" | "open" | "closed">): Promise<number> {
  const { alias, app } = guest;
  const forgotten = delay(keptAddressMs);
  await until(`${alias} asleep`, async () => {
    const state = await nodoff.state(alias);
    if (state === "ready") await nodoff.api(`/workloads/${alias}/sleep`, { force: true });
    return state === "napping" ? true : undefined;
  });
  for (const door of [doors.door, doors.open, doors.closed]) await door.asleep?.(alias);
  await forgotten;
  return app.now();
}

/**
 * Asks until the app answers through the door: on a busy machine a wake may take longer than a hold, and a fail-open door
 * may still think that nodoff is away.
 */
export async function awake(play: Pick<Play, "door" | "guest">): Promise<void> {
  const answers = async (): Promise<true | undefined> =>
    (await request(play, { path: "/awake" })).status === 200 ? true : undefined;
  await until(`${play.guest.alias} awake`, answers, 60_000);
}

type Asked = Partial<Omit<Question, "host">>;

/** A request for the case's app, through a door of the stage; a GET follows a redirect to itself, as clients do. */
export async function request(
  { door, guest }: { readonly door: StageDoor; readonly guest: Pick<Guest, "host"> },
  asked: Asked = {},
): Promise<Reply> {
  const question = { host: guest.host, path: "/", ...asked };
  for (let hops = 0; ; hops++) {
    const reply = await ask(door.port, question);
    if (reply.status !== 307 || (question.method ?? "GET") !== "GET") return reply;
    assert.equal(reply.headers["location"], `http://${question.host}:${door.port}${question.path}`, "the same address");
    assert.ok(hops < 5, "a loop of redirects");
  }
}

/** What the app says of a request it got. */
export interface Echoed {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly bytes: number;
  readonly sha256: string;
}

export function toEchoed({ status, text }: Pick<Reply, "status" | "text">): Echoed {
  assert.equal(status, 200, text);
  return JSON.parse(text) as Echoed;
}

export function say({ door, guest }: Pick<Play, "door" | "guest">, words: string): Promise<string> {
  return echo(door.port, { host: guest.host, path: "/socket" }, words);
}

/** The loading page, as every client must get it. */
export function assertPage({ status, headers, text }: Reply): void {
  assert.equal(status, 503, text);
  assert.ok(headers["x-nodoff-state"] !== undefined, "it is nodoff's");
  assert.ok(headers["retry-after"] !== undefined);
  assert.match(String(headers["content-type"]), /^text\/html/);
  assert.match(String(headers["cache-control"]), /no-store/);
}

/** How often the engine started the app since then. */
export async function starts({ app }: Guest, since: number): Promise<number> {
  return (await app.events(since)).filter((action) => action === "start").length;
}

/** Nothing woke it. */
export async function assertAsleep({ nodoff, guest }: Play, since: number): Promise<void> {
  assert.equal(await starts(guest, since), 0, "nothing started it");
  assert.equal(await nodoff.state(guest.alias), "napping");
}

/** What reached the app, asked past all proxies. */
export function stats({ app }: Guest): Promise<AppStats> {
  return app.stats();
}

/** One request over HTTP/2 and TLS. */
export async function askH2(
  { door, guest }: Pick<Play, "door" | "guest">,
  headers: Readonly<Record<string, string>>,
  body?: Buffer,
): Promise<Reply> {
  const { tlsPort } = door;
  assert.ok(tlsPort !== null, "this stage speaks HTTP/2");
  const session = connect(`https://127.0.0.1:${tlsPort}`, { rejectUnauthorized: false, servername: guest.host });
  try {
    await once(session, "connect");
    const authority = { [constants.HTTP2_HEADER_AUTHORITY]: `${guest.host}:${tlsPort}` };
    const stream = session.request({ ...authority, ...headers }, { endStream: body === undefined });
    if (body !== undefined) stream.end(body);
    const [answer] = (await once(stream, "response")) as [IncomingHttpHeaders & { readonly ":status"?: number }];
    let text = "";
    for await (const part of stream.setEncoding("utf8")) text += String(part);
    return { status: answer[":status"] ?? 0, headers: answer, text };
  } finally {
    session.close();
  }
}
