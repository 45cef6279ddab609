/**
 * A gRPC server that sleeps in end-to-end tests; its messages are bare text, so nothing has to be generated. PORT: where
 * it listens, without TLS. LISTEN_DELAY_MS: that much later. Knows `/test.Echo/{Unary,Stream,Bidi,Fail}`.
 */
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { methods } from "./grpc-methods.mts";

const { env } = process;
const server = new Server();
let cancelled = 0;

server.addService(methods, {
  unary({ request, metadata }: ServerUnaryCall<string, string>, done: sendUnaryData<string>) {
    const trailers = new Metadata();
    trailers.set("x-trailer", "after");
    done(
      null,
      request === "cancelled?" ? String(cancelled) : `${request} ${String(metadata.get("x-key")[0])}`,
      trailers,
    );
  },
  stream(call: ServerWritableStream<string, string>) {
    for (let n = 0; n < Number(call.request); n++) call.write(`message ${n}`);
    call.end();
  },
  bidi(call: ServerDuplexStream<string, string>) {
    call.on("data", (text: string) => void call.write(`<${text}>`));
    call.on("end", () => call.end());
    call.on("cancelled", () => cancelled++);
  },
  fail(_call: ServerUnaryCall<string, string>, done: sendUnaryData<string>) {
    done({ code: status.FAILED_PRECONDITION, details: "not like this: 100 % ä", metadata: new Metadata() });
  },
});
process.on("SIGTERM", () => process.exit(0));
setTimeout(
  () => server.bindAsync(`127.0.0.1:${env["PORT"]}`, ServerCredentials.createInsecure(), () => undefined),
  Number(env["LISTEN_DELAY_MS"] ?? 0),
);
