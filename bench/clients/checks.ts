/** What checking costs at least here and now: the same requests by bare sockets, with nothing around them. */
import { connect } from "node:net";
import { answerQuestions, cpuUs } from "../ipc.ts";

interface Checking {
  readonly port: number;
  readonly perSecond: number;
  readonly durationMs: number;
}

const request = "GET / HTTP/1.1\r\nHost: app.example.com\r\nAccept: */*\r\nConnection: close\r\n\r\n";
const tickMs = 10;

function once(port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket
      .on("error", () => resolve())
      .on("connect", () => socket.write(request, "latin1"))
      .on("data", () => {
        socket.destroy();
        resolve();
      });
  });
}

/** CPU per check, in microseconds. */
async function check({ port, perSecond, durationMs }: Checking): Promise<number> {
  const begun = performance.now();
  const before = cpuUs();
  let sent = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const elapsedMs = performance.now() - begun;
      for (; sent < (elapsedMs * perSecond) / 1_000; sent++) void once(port);
      if (elapsedMs < durationMs) return;
      clearInterval(timer);
      resolve();
    }, tickMs);
  });
  return (cpuUs() - before) / sent;
}

answerQuestions({}, { check: (options) => check(options as Checking) });
