/** The proxy library most of Node uses, with kept connections and X-Forwarded-*. */
import { Agent, createServer } from "node:http";
import httpProxy from "http-proxy";
import { listen } from "../../src/net/listen.ts";
import { answerQuestions, cpuUs } from "../ipc.ts";

const agent = new Agent({ keepAlive: true, maxSockets: 256 });
const proxy = httpProxy.createProxyServer({ target: `http://127.0.0.1:${process.argv[2]}`, agent, xfwd: true });
proxy.on("error", (_error, _req, res) => res.destroy());
const server = createServer({ keepAliveTimeout: 180_000 }, (req, res) => proxy.web(req, res));
const { port } = await listen(server, { host: "127.0.0.1", port: 0 });
answerQuestions({ port }, { cpu: cpuUs });
