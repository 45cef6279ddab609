/** The base of all ratios: a node:http server that says 200 to everything and does nothing else. */
import { createServer } from "node:http";
import { listen } from "../../src/net/listen.ts";
import { answerQuestions, cpuUs, settle } from "../ipc.ts";

const headers = Object.freeze({ "content-length": "0" });
const server = createServer({ keepAliveTimeout: 180_000 }, (_req, res) => void res.writeHead(200, headers).end());
const { port } = await listen(server, { host: "127.0.0.1", port: 0 });
answerQuestions({ port }, { cpu: cpuUs, settle });
