import { connect } from "node:net";

/** One kept-alive connection: a request at a time, bare sockets, so that the client is cheaper than any server. */
export interface Connection {
  /** Resolves `done` with the head of the answer; whatever is no complete 200 goes to `onFailure`. */
  send(request: Buffer, done: (answer: Buffer) => void): void;
  close(): void;
}

const ends = Buffer.from("\r\n\r\n");
const good = Buffer.from("HTTP/1.1 200");
const none = Buffer.alloc(0);

/** Resolves once connected. `onFailure` is told of answers that are no empty 200 and of connections that break. */
export function openConnection(port: number, onFailure: (error: Error) => void): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    let pending: ((answer: Buffer) => void) | null = null;
    let read: Buffer = none;
    socket.on("error", (error) => {
      reject(error);
      onFailure(error);
    });
    socket.on("close", () => pending !== null && onFailure(new Error("closed before it answered")));
    socket.on("data", (chunk: Buffer) => {
      read = read.length === 0 ? chunk : Buffer.concat([read, chunk]);
      if (!read.subarray(-ends.length).equals(ends)) return read.includes(ends) ? refuse() : undefined;
      if (!read.subarray(0, good.length).equals(good)) return refuse();
      const answer = read;
      const done = pending;
      read = none;
      pending = null;
      done?.(answer);
    });
    const refuse = (): void => onFailure(new Error(`not an empty 200:\n${read.toString("latin1").slice(0, 600)}`));
    socket.on("connect", () => {
      resolve({
        send(request, done) {
          pending = done;
          socket.write(request);
        },
        close() {
          pending = null;
          socket.destroy();
        },
      });
    });
  });
}
