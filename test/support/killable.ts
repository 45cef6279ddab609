import { spawn } from "node:child_process";
import { once } from "node:events";
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
  const program = `
    const { createServer } = require("node:http");
    const listen = (server) => server.listen(0, "127.0.0.1", () => console.log(server.address().port));
    ${body}`;
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => void child.kill("SIGKILL"));
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { port: Number(line.toString()), kill: () => void child.kill("SIGKILL") };
}
