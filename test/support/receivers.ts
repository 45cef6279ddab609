import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { type AddressInfo, createServer as createNet, type Socket } from "node:net";
import type { TestContext } from "node:test";

export interface Received {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface HttpReceiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** Resolves once `count` requests were received. */
  until(count: number): Promise<void>;
  /** Status of each answer in turn, then 200; null = never answers. */
  readonly answers: (number | null)[];
  readonly headers: Record<string, string>;
}

/** A receiver of webhooks on a real socket, until the end of the test, or of the whole file. */
export async function httpReceiver(t: { after(end: () => void): void }): Promise<HttpReceiver> {
  const received: Received[] = [];
  const answers: (number | null)[] = [];
  const headers: Record<string, string> = {};
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    request.on("end", () => {
      received.push({ url: request.url ?? "", headers: request.headers, body });
      const status = answers.length === 0 ? 200 : answers.shift();
      if (typeof status === "number") response.writeHead(status, headers).end("x".repeat(100_000));
      for (const { count, resolve } of waiting) if (received.length >= count) resolve();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    answers,
    headers,
    until: (count) =>
      received.length >= count ? Promise.resolve() : new Promise((resolve) => waiting.push({ count, resolve })),
  };
}

export interface MailReceiver {
  readonly port: number;
  /** Envelope and text of each mail. */
  readonly mails: readonly string[];
}

/** A mail server that knows just enough of RFC 5321; `refuses` answers RCPT with 550. */
export async function mailReceiver(t: TestContext, { refuses = false } = {}): Promise<MailReceiver> {
  const mails: string[] = [];
  const sockets = new Set<Socket>();
  const server = createNet((socket) => {
    sockets.add(socket.on("error", () => undefined));
    socket.write("220 test ESMTP\r\n");
    let text = "";
    let isData = false;
    let mail = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      for (let end = text.indexOf("\r\n"); end !== -1; end = text.indexOf("\r\n")) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        mail += `${line}\n`;
        if (isData) {
          if (line !== ".") continue;
          isData = false;
          mails.push(mail);
          mail = "";
          socket.write("250 taken\r\n");
        } else if (line === "DATA") {
          isData = true;
          socket.write("354 go on\r\n");
        } else if (line === "QUIT") socket.end("221 bye\r\n");
        else if (refuses && line.startsWith("RCPT")) socket.write("550 secret-user unknown\r\n");
        else socket.write("250 ok\r\n");
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, mails };
}
