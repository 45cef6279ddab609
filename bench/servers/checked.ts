/** What the health monitor checks: answers each request after a moment, and counts those it has not answered yet. */
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { answerQuestions, cpuUs } from "../ipc.ts";

/** So that a burst piles up as far as it is let. */
const answerAfterMs = 5;
const answer = Buffer.from("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");

let checks = 0;
let open = 0;
let peak = 0;

const server = createServer((socket) => {
  socket.on("error", () => undefined);
  socket.once("data", () => {
    checks++;
    peak = Math.max(peak, ++open);
    setTimeout(() => {
      open--;
      socket.end(answer);
    }, answerAfterMs);
  });
});
await new Promise<void>((resolve) => server.listen({ port: 0, host: "127.0.0.1", backlog: 1024 }, resolve));

answerQuestions(
  { port: (server.address() as AddressInfo).port },
  {
    cpu: cpuUs,
    checks: () => checks,
    /** Most requests at a time that were not answered yet. */
    peak: () => peak,
  },
);
