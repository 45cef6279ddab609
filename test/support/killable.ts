import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import type { TestContext } from "node:test";

/** An upstream in a process of its own, to be killed as the kernel kills: no farewell, sockets reset or ended. */
export interface Killable {
  readonly port: number;
  kill(): void;
}

/**
 * `body` is the text of a program that has `createServer` of node:http and `listen(server)`. It is ended with the test.
 */
export async function startKillable(t: TestContext, body: string): Promise<Killable> {
  const { port, child } = await start(t, body);
  return { port, kill: () => void child.kill("SIGKILL") };
}

async function start(t: TestContext, body: string): Promise<{ readonly port: number; readonly child: ChildProcess }> {
  const program = `
    const { createServer } = require("node:http");
    const listen = (server) => server.listen(0, "127.0.0.1", () => console.log(server.address().port));
    ${body}`;
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => void child.kill("SIGKILL"));
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { port: Number(line.toString()), child };
}

/**
 * A port at which nobody answers: connections to it neither open nor fail, as behind a firewall that drops. The process
 * that listens is stopped, and its queue is full.
 */
export async function startSilent(t: TestContext): Promise<number> {
  const { port } = await start(
    t,
    `const server = createServer();
     server.listen(0, "127.0.0.1", 1, () => { console.log(server.address().port); process.kill(process.pid, "SIGSTOP"); });`,
  );
  // A queue of one holds two.
  for (let i = 0; i < 2; i++) {
    const filler = connect(port, "127.0.0.1").on("error", () => undefined);
    t.after(() => void filler.destroy());
    await once(filler, "connect");
  }
  return port;
}
