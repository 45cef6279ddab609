/** The app behind every proxy under test: 1 kB, or as many MB as the path says. */
import { createServer } from "node:http";
import { listen } from "../../src/net/listen.ts";
import { answerQuestions, cpuUs } from "../ipc.ts";

const small = Buffer.alloc(1_024, "x");
const chunk = Buffer.alloc(65_536);
const megabyte = 1_048_576;

const server = createServer({ keepAliveTimeout: 180_000 }, (req, res) => {
  const megabytes = Number(/^\/mb\/(\d+)/.exec(req.url ?? "")?.[1] ?? 0);
  if (megabytes === 0) return void res.writeHead(200, { "content-length": small.length }).end(small);
  let left = (megabytes * megabyte) / chunk.length;
  const more = (): void => {
    while (left > 0 && !res.destroyed) {
      left--;
      if (!res.write(chunk)) return;
    }
    res.end();
  };
  res.writeHead(200, { "content-length": megabytes * megabyte });
  res.on("drain", more);
  more();
});
const { port } = await listen(server, { host: "127.0.0.1", port: 0 });
answerQuestions({ port }, { cpu: cpuUs });
