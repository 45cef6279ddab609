/** Many clients that wait on one route, each with a connection of its own. */
import { toHeldRequest } from "../hook-request.ts";
import { answerQuestions, sharedNow } from "../ipc.ts";
import { type Connection, openConnection } from "./connection.ts";

export interface WaitersResult {
  readonly answered: number;
  /** Of the first and the last answer, by `sharedNow`. */
  readonly firstAt: number;
  readonly lastAt: number;
}

/** Connections opened at a time: more would only queue at the kernel. */
const abreast = 128;

const connections: Connection[] = [];
let answers: Promise<number>[] = [];
const failed = Promise.withResolvers<never>();

/** Opens `count` connections and sends one request on each; resolves when all are sent. */
async function open({ port, count }: { readonly port: number; readonly count: number }): Promise<void> {
  const request = toHeldRequest(0);
  while (connections.length < count) {
    const batch = Math.min(abreast, count - connections.length);
    const opened = await Promise.all(Array.from({ length: batch }, () => openConnection(port, failed.reject)));
    for (const connection of opened) {
      connections.push(connection);
      answers.push(new Promise((resolve) => connection.send(request, () => resolve(sharedNow()))));
    }
  }
}

/** Resolves when all are answered; rejects at the first that is not answered 200. */
async function answered(): Promise<WaitersResult> {
  const times = await Promise.race([Promise.all(answers), failed.promise]);
  for (const connection of connections.splice(0)) connection.close();
  answers = [];
  return { answered: times.length, firstAt: Math.min(...times), lastAt: Math.max(...times) };
}

answerQuestions({}, { open: (options) => open(options as { port: number; count: number }), answered });
