/** What checking costs at least here and now: the same connections by bare sockets, with nothing around them. */
import { connect } from "node:net";
import { answerQuestions, cpuUs } from "../ipc.ts";

interface Checking {
  readonly port: number;
  readonly perSecond: number;
  readonly durationMs: number;
  /** Whether something is asked, too; otherwise it is enough that a connection is there. */
  readonly asks: boolean;
}

const request = "GET / HTTP/1.1\r\nHost: app.example.com\r\nAccept: */*\r\nConnection: close\r\n\r\n";
/** As nodoff's monitor has it. */
const tickMs = 100;

function once(port: number, asks: boolean): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const finish = (): void => {
      socket.destroy();
      resolve();
    };
    socket.on("error", finish);
    if (asks) socket.on("connect", () => socket.write(request, "latin1")).on("data", finish);
    else socket.on("connect", finish);
  });
}

/** CPU per check, in microseconds. */
async function check({ port, perSecond, durationMs, asks }: Checking): Promise<number> {
  const begun = performance.now();
  const before = cpuUs();
  let sent = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const elapsedMs = performance.now() - begun;
      for (; sent < (elapsedMs * perSecond) / 1_000; sent++) void once(port, asks);
      if (elapsedMs < durationMs) return;
      clearInterval(timer);
      resolve();
    }, tickMs);
  });
  return (cpuUs() - before) / sent;
}

answerQuestions({}, { check: (options) => check(options as Checking) });
