import assert from "node:assert/strict";
import { Agent, type IncomingMessage, request, type RequestOptions } from "node:http";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";
import type { ActivityApp } from "./activity-apps.ts";
import { ask, program } from "./client.ts";

/** Where and how long something is used. */
export interface Stage {
  readonly app: ActivityApp;
  /** Where the proxy listens, and the host it knows the app by. */
  readonly port: number;
  readonly host: string;
  /** How long the use lasts. */
  readonly ms: number;
}

/**
 * One way to use an app. Resolves at its end; rejects when it was cut. What goes on without being use is ended by the
 * function it resolves with, called once the app sleeps.
 */
export type Use = (stage: Stage) => Promise<void | (() => Promise<void>)>;

/** The app is awake when they begin. */
export const uses = {
  "idle keep-alive only": keepConnection,
  "WebSocket, a word every 10 s": (stage) => talk(stage, 10_000),
  "WebSocket, silent": (stage) => talk(stage, stage.ms),
  "SSE, an event every 10 s": listenToEvents,
  "slow download": downloadSlowly,
  "long upload": uploadSlowly,
  "CPU job": runJob,
  "docker exec": execInside,
  "TCP client, silent": talkTcp,
  "monitor, every 2 s": monitor,
} as const satisfies Readonly<Record<string, Use>>;

function toOptions({ port, host }: Stage, path: string): RequestOptions {
  return { host: "127.0.0.1", port, path, agent: false, headers: { ...program, Host: `${host}:${port}` } };
}

async function open(options: RequestOptions): Promise<IncomingMessage> {
  const [response] = (await once(request(options).end(), "response")) as [IncomingMessage];
  assert.equal(response.statusCode, 200);
  return response;
}

/** One request over a connection that then stays open, which is no use of anything. */
async function keepConnection(stage: Stage): Promise<() => Promise<void>> {
  const agent = new Agent({ keepAlive: true, timeout: 0 });
  const response = await open({ ...toOptions(stage, "/"), agent });
  await once(response.resume(), "end");
  return () => Promise.resolve(agent.destroy());
}

async function talk({ port, host, ms }: Stage, everyMs: number): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { headers: { Host: `${host}:${port}` } });
  const closed = once(socket, "close");
  closed.catch(() => undefined);
  await once(socket, "open");
  await exchange(socket, "begin");
  for (let spent = 0; spent < ms; spent += everyMs) {
    await Promise.race([delay(everyMs), closed.then(([code]) => assert.fail(`closed with ${code} while in use`))]);
    await exchange(socket, `still here after ${spent + everyMs} ms`);
  }
  socket.close();
  await closed;
}

async function exchange(socket: WebSocket, words: string): Promise<void> {
  const answered = once(socket, "message", { signal: AbortSignal.timeout(5_000) });
  socket.send(words);
  const [data] = (await answered) as [Buffer];
  assert.equal(data.toString(), words);
}

async function listenToEvents(stage: Stage): Promise<void> {
  const everyMs = 10_000;
  const response = await open(toOptions(stage, `/sse?every=${everyMs}`));
  // `for await` fails when the stream ends before its time, and ends it when left.
  let text = "";
  for await (const part of response.setEncoding("utf8")) {
    text += String(part);
    if (text.includes(`id: ${stage.ms / everyMs}\n`)) return;
  }
  assert.fail(`the stream ended after ${text}`);
}

const downloadBytes = 64 * 2 ** 20;

/** Far more than all buffers on the way hold, taken so slowly that next to nothing moves; at last all the rest at once. */
async function downloadSlowly(stage: Stage): Promise<void> {
  const response = await open(toOptions(stage, `/download?bytes=${downloadBytes}`));
  const begun = performance.now();
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (performance.now() - begun < stage.ms) await delay(1_000);
  }
  assert.equal(bytes, downloadBytes, "every byte came");
}

async function uploadSlowly(stage: Stage): Promise<void> {
  const chunk = Buffer.alloc(4_096, "nodoff ");
  const options = toOptions(stage, "/upload");
  const sent = request({ ...options, method: "POST" });
  const answered = once(sent, "response");
  answered.catch(() => undefined);
  const begun = performance.now();
  let bytes = 0;
  while (performance.now() - begun < stage.ms) {
    sent.write(chunk);
    bytes += chunk.length;
    await Promise.race([delay(1_000), answered.then(() => assert.fail("answered before the end of the upload"))]);
  }
  sent.end();
  const [response] = (await answered) as [IncomingMessage];
  let text = "";
  for await (const part of response.setEncoding("utf8")) text += String(part);
  assert.deepEqual([response.statusCode, text], [200, String(bytes)], "every byte arrived");
}

/** The request is over at once; what it began goes on. */
async function runJob(stage: Stage): Promise<void> {
  const sent = request({ ...toOptions(stage, `/cpu?seconds=${stage.ms / 1_000}`), method: "POST" }).end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  assert.equal(response.resume().statusCode, 202);
  await stage.app.said("job done");
}

async function execInside({ app, ms }: Stage): Promise<void> {
  assert.equal(await app.exec(["busybox", "sleep", String(ms / 1_000)]), 0, "it ran to its end");
}

/** Past every proxy, straight to the app: a database's client, a mail program. */
async function talkTcp({ app, ms }: Stage): Promise<void> {
  const socket = connect(app.tcp);
  const closed = once(socket, "close");
  closed.catch(() => undefined);
  const say = async (words: string): Promise<void> => {
    socket.write(words);
    const [data] = (await once(socket, "data", { signal: AbortSignal.timeout(5_000) })) as [Buffer];
    assert.equal(data.toString(), words);
  };
  await say("begin");
  await Promise.race([delay(ms), closed.then(() => assert.fail("closed while in use"))]);
  await say("still here");
  socket.end();
  await closed;
}

const monitoredBytes = 20_000;

/** An uptime monitor that moves bytes enough: neither does it keep the app awake, nor does it wake it. */
async function monitor({ port, host, app }: Stage): Promise<() => Promise<void>> {
  const headers = { "User-Agent": "Uptime-Kuma/1.23.13", Accept: "text/html,*/*" };
  const over = new AbortController();
  const answers: number[] = [];
  const polling = (async () => {
    while (!over.signal.aborted) {
      const { status, text } = await ask(port, { host, path: `/?bytes=${monitoredBytes}`, headers });
      if (status === 200) assert.equal(text.length, monitoredBytes);
      answers.push(status);
      await delay(2_000, undefined, { signal: over.signal }).catch(() => undefined);
    }
  })();
  polling.catch(() => undefined);
  return async () => {
    const sleeping = answers.length;
    while (answers.length < sleeping + 2) await Promise.race([delay(100), polling]);
    over.abort();
    await polling;
    assert.ok(answers.filter((status) => status === 200).length >= 2, `it moved bytes: ${answers.join(", ")}`);
    assert.deepEqual(answers.slice(-2), [503, 503]);
    assert.equal(await app.running(), false, "it woke nothing");
  };
}
