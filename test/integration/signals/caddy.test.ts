import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, get } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import type { Insight, OpenConnection } from "../../../src/core/provider.ts";
import type { Reading } from "../../../src/core/signal.ts";
import { createDialed } from "../../../src/net/dialed.ts";
import { createSignals } from "../../../src/signals/signals.ts";
import { systemClock as clock } from "../../../src/system-clock.ts";
import { freePort, startChild, until } from "../../support/e2e/child.ts";
import { fakeSubject } from "../../support/subject.ts";
import type { FakeSubject } from "../../support/subject.ts";

const options = { signal: new AbortController().signal };
const chunk = Buffer.alloc(65_536);

/** An app with WebSockets, and downloads far beyond what sockets buffer. */
async function startApp(t: TestContext): Promise<Server> {
  const server = createServer((req, res) => {
    if (req.url !== "/download") return void res.end("hi");
    const pour = (): void => {
      while (!res.destroyed && res.write(chunk)) continue;
    };
    res.on("drain", pour);
    pour();
  });
  const sockets = new WebSocketServer({ server });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    sockets.close();
    server.closeAllConnections();
    server.close();
  });
  return server;
}

interface Stage {
  /** Of the app, and of Caddy before it. */
  readonly appPort: number;
  readonly port: number;
  readonly subject: FakeSubject;
  /** What the signal says, not older than a second. */
  read(): Promise<Reading>;
}

/** The app's end of each connection it has, as an engine shows them. */
function connectionsOf(server: Server, port: number): Insight {
  const open = new Set<OpenConnection>();
  server.on("connection", (socket) => {
    const connection = { port, peer: `${socket.remoteAddress}:${socket.remotePort}` };
    open.add(connection);
    socket.on("close", () => open.delete(connection));
  });
  return { connections: async () => [...open] };
}

interface StageOptions {
  readonly admin: "tcp" | "unix";
  /** Whether the engine can tell who is connected. */
  readonly sees: boolean;
}

/** Caddy before the app, and the signal as nodoff makes it. */
async function openStage(t: TestContext, { admin, sees }: StageOptions): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), "nodoff-caddy-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const app = await startApp(t);
  const { port: appPort } = app.address() as AddressInfo;
  const [port, adminPort] = [await freePort(), await freePort()];
  const listens = admin === "unix" ? `unix/${join(directory, "admin.sock")}` : `127.0.0.1:${adminPort}`;
  const adminUrl = admin === "unix" ? `unix://${join(directory, "admin.sock")}` : `http://127.0.0.1:${adminPort}`;
  const site = `http://127.0.0.1:${port} {\n\treverse_proxy localhost:${appPort}\n}\n`;
  await writeFile(join(directory, "Caddyfile"), `{\n\tadmin ${listens}\n\tauto_https off\n}\n${site}`);
  const env = { XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory };
  const caddy = await startChild("caddy", ["run", "--config", "Caddyfile"], { cwd: directory, env });
  t.after(() => caddy.close());
  await caddy.line((line) => line.includes("serving initial configuration"), "serving Caddy");

  const signal = createSignals({
    clock,
    inFlight: { count: () => 0 },
    dialed: createDialed({ clock }),
    settings: () => ({ caddy: { adminUrl }, poolIdleMs: 90_000 }),
  }).find(({ name }) => name === "connections");
  const insight = sees ? connectionsOf(app, appPort) : {};
  const subject = fakeSubject({ origins: [`http://127.0.0.1:${appPort}`], insight });
  const read = async (): Promise<Reading> => signal?.read(subject, options) ?? { kind: "unreadable", why: "no signal" };
  return { appPort, port, subject, read };
}

function says({ read }: Stage, inUse: boolean, text: string): Promise<true> {
  return until(text, async () => {
    const reading = await read();
    assert.equal(reading.kind, "read", JSON.stringify(reading));
    return (reading.kind === "read" && reading.inUse === inUse && reading.text === text) || undefined;
  });
}

async function download(port: number): Promise<IncomingMessage> {
  const [answer] = (await once(get(`http://127.0.0.1:${port}/download`), "response")) as [IncomingMessage];
  return answer.pause();
}

describe("signal connections with Caddy", () => {
  for (const admin of ["tcp", "unix"] as const) {
    it(`sees sockets and slow downloads while they last, by its admin endpoint over ${admin}`, async (t) => {
      const stage = await openStage(t, { admin, sees: false });
      await says(stage, false, "no open request through Caddy");
      const socket = new WebSocket(`ws://127.0.0.1:${stage.port}`);
      await once(socket, "open");
      await says(stage, true, "1 open request through Caddy");
      const slow = await download(stage.port);
      await says(stage, true, "2 open requests through Caddy");
      socket.close();
      await says(stage, true, "1 open request through Caddy");
      slow.destroy();
      await says(stage, false, "no open request through Caddy");
    });
  }

  it("tells Caddy's idle connection from a silent client that came by itself", async (t) => {
    const stage = await openStage(t, { admin: "tcp", sees: true });
    stage.subject.lastUsedAt = clock.now();
    const answer = await fetch(`http://127.0.0.1:${stage.port}/`);
    assert.equal(await answer.text(), "hi");
    await says(stage, false, "1 idle connection of Caddy");
    // A proxy could have opened it for the request until a second after that.
    await until("a look well after the request", async () => {
      await stage.read();
      return clock.now() - stage.subject.lastUsedAt > 1_200 || undefined;
    });
    const client = connect(stage.appPort, "127.0.0.1");
    t.after(() => void client.destroy());
    await once(client, "connect");
    await until("the silent client is known to be one", async () => {
      const reading = await stage.read();
      assert.ok(reading.kind === "read");
      return (reading.inUse && reading.text === "1 open connection from 127.0.0.1") || undefined;
    });
    client.destroy();
    await says(stage, false, "1 idle connection of Caddy");
  });
});
