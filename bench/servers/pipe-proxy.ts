/** The base of the proxy's ratios: node:http on both sides, joined by pipes, with the headers a proxy must see to. */
import { Agent, createServer, request } from "node:http";
import type { OutgoingHttpHeaders } from "node:http";
import { listen } from "../../src/net/listen.ts";
import { answerQuestions, cpuUs } from "../ipc.ts";

const upstream = Number(process.argv[2]);
const agent = new Agent({ keepAlive: true, maxSockets: 256 });
const hopByHop = new Set(["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"]);

function filter(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  const out: OutgoingHttpHeaders = {};
  for (const name in headers) if (!hopByHop.has(name)) out[name] = headers[name];
  return out;
}

const server = createServer({ keepAliveTimeout: 180_000 }, (req, res) => {
  const headers = filter(req.headers);
  headers["x-forwarded-for"] = req.socket.remoteAddress;
  headers["x-forwarded-proto"] = "http";
  headers["x-forwarded-host"] = req.headers.host;
  const asked = request({ host: "127.0.0.1", port: upstream, agent, method: req.method, path: req.url, headers });
  asked.on("response", (answer) => {
    res.writeHead(answer.statusCode ?? 502, filter(answer.headers));
    answer.pipe(res);
  });
  asked.on("error", () => res.destroy());
  res.on("close", () => asked.destroy());
  req.pipe(asked);
});
const { port } = await listen(server, { host: "127.0.0.1", port: 0 });
answerQuestions({ port }, { cpu: cpuUs });
