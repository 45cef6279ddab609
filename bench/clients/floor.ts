/** Says when a port answers HTTP for the first time, as closely as a client can: a new probe every 4 ms, overlapping. */
import { connect, type Socket } from "node:net";
import { answerQuestions, sharedNow } from "../ipc.ts";

const gapMs = 4;
/** A port relay can swallow a connection; the next probes are under way by then. */
const patienceMs = 200;

/** Resolves with the time of the first complete status line that says 200, by `sharedNow`. */
function firstAnswer({ port }: { readonly port: number }): Promise<number> {
  return new Promise((resolve) => {
    const open = new Set<Socket>();
    const probe = (): void => {
      const socket = connect({ port, host: "127.0.0.1" });
      open.add(socket);
      const end = (): void => {
        open.delete(socket);
        socket.destroy();
      };
      socket.setTimeout(patienceMs, end).on("error", end).on("close", end);
      socket.on("connect", () =>
        socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`),
      );
      socket.on("data", (chunk) => {
        if (!/^HTTP\/1\.[01] 200 /.test(chunk.toString("latin1"))) return end();
        const now = sharedNow();
        clearInterval(timer);
        for (const other of open) other.destroy();
        resolve(now);
      });
    };
    const timer = setInterval(probe, gapMs);
    probe();
  });
}

answerQuestions({}, { firstAnswer: (options) => firstAnswer(options as { port: number }) });
