import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";
import type { TestContext } from "node:test";

/** A request to switch to the protocol `test`. */
export const askUpgrade = (path = "/", more = ""): string =>
  `GET ${path} HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: test\r\n${more}\r\n`;

/** An upstream that switches to a protocol of bare bytes and hands over its socket. */
export function switching(t: TestContext): { readonly server: Server; readonly next: Promise<Switched> } {
  const { promise, resolve } = Promise.withResolvers<Switched>();
  const server = createHttp();
  server.on("upgrade", (req: IncomingMessage, socket: Socket) => {
    t.after(() => void socket.destroy());
    socket.on("error", () => undefined);
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade, X-Hop\r\nUpgrade: test\r\nX-Hop: 1\r\nX-App: yes\r\n\r\n",
    );
    resolve({ req, socket });
  });
  return { server, next: promise };
}

/** The upstream's side of a tunnel. */
export interface Switched {
  readonly req: IncomingMessage;
  readonly socket: Socket;
}

/** A client that may end its half alone. */
export function dial(t: TestContext, port: number): Socket {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => undefined);
  t.after(() => void socket.destroy());
  return socket;
}

/** Reads until the other side ends; `for await` would destroy the socket with that. */
export const readToEnd = async (socket: Socket): Promise<string> => {
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
  await once(socket, "end");
  return text;
};
