import { once } from "node:events";
import { connect } from "node:http2";
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  IncomingHttpHeaders,
  IncomingHttpStatusHeader,
  OutgoingHttpHeaders,
} from "node:http2";
import { createSecureContext } from "node:tls";
import type { TestContext } from "node:test";
import type { ProxyDeps } from "../../src/proxy/proxy.ts";
import { appPair, wildPair } from "./certificates.ts";
import { openStage } from "./proxy-stage.ts";
import type { Stage, StageOptions } from "./proxy-stage.ts";

/** app.test by default, `*.wild.test` for whoever asks for it. */
const certificates: NonNullable<ProxyDeps["certificates"]> = {
  find: (host) => (host.endsWith(".wild.test") ? createSecureContext(wildPair) : null),
  onDefault: (use) => use(appPair),
};

/** Our proxy over TLS. */
export function openSecureStage(t: TestContext, options: StageOptions): Promise<Stage> {
  return openStage(t, { ...options, certificates });
}

/** An HTTP/2 client of it. */
export async function openSession(t: TestContext, port: number, servername = "app.test"): Promise<ClientHttp2Session> {
  const session = connect(`https://127.0.0.1:${port}`, {
    servername,
    rejectUnauthorized: false,
    maxSendHeaderBlockLength: 1_000_000,
  });
  session.on("error", () => undefined);
  t.after(() => session.destroy());
  await once(session, "connect");
  return session;
}

/** An HTTP/2 client of the plain port, by prior knowledge. */
export async function openPlainSession(t: TestContext, port: number): Promise<ClientHttp2Session> {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => undefined);
  t.after(() => session.destroy());
  await once(session, "connect");
  return session;
}

/** An answer over HTTP/2 read to its end. */
export interface StreamAnswer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders | null;
  /** Whether the head was all there was. */
  readonly headOnly: boolean;
  readonly body: Buffer;
  readonly code: number | undefined;
}

/** One request, Host app.test unless told otherwise. Resolves when the stream is over, however it ended. */
export async function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders = {},
  body?: Buffer | string,
): Promise<StreamAnswer> {
  const stream = session.request(
    { ":authority": "app.test", ":path": "/", ...headers },
    { endStream: body === undefined },
  );
  if (body !== undefined) stream.end(body);
  return readAnswer(stream);
}

export async function readAnswer(stream: ClientHttp2Stream): Promise<StreamAnswer> {
  const chunks: Buffer[] = [];
  let head: IncomingHttpHeaders & IncomingHttpStatusHeader = {};
  let trailers: IncomingHttpHeaders | null = null;
  let headOnly = false;
  stream
    .on("response", (got, flags) => {
      head = got;
      headOnly = (flags & 1) === 1;
    })
    .on("trailers", (got: IncomingHttpHeaders) => (trailers = got))
    .on("data", (chunk: Buffer) => chunks.push(chunk))
    .on("error", () => undefined);
  if (!stream.destroyed) await new Promise<void>((resolve) => stream.once("close", () => resolve()));
  const status = head[":status"];
  return { status, headers: head, trailers, headOnly, body: Buffer.concat(chunks), code: stream.rstCode };
}
