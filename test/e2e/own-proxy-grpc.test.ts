import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import {
  type ChannelCredentials,
  Client,
  credentials,
  type Metadata,
  Metadata as Headers,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { appPair } from "../support/certificates.ts";
import { freePort, until } from "../support/e2e/child.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { methods } from "../support/e2e/grpc-methods.mts";
import { adminToken, type Home, openHome, type Served } from "../support/e2e/home.ts";
import { expectNothingInFlight } from "../support/e2e/in-flight.ts";

// gRPC as its own client and server speak it, through nodoff, to a server that sleeps.
const atEnd = createEnds();
const app = fileURLToPath(new URL("../support/e2e/grpc-app.mts", import.meta.url));
const [plainPort, tlsPort, appPort, slowPort] = [
  await freePort(),
  await freePort(),
  await freePort(),
  await freePort(),
];
let home: Home;
let nodoff: Served;
expectNothingInFlight(() => nodoff);

before(async () => {
  home = await openHome(atEnd);
  await writeFile(join(home.directory, "app.crt"), appPair.cert);
  await writeFile(join(home.directory, "app.key"), appPair.key);
  const workload = (host: string, port: number, delayMs: number, more: object): object => ({
    provider: "here",
    process: { command: [process.execPath, app], env: { PORT: String(port), LISTEN_DELAY_MS: String(delayMs) } },
    host,
    upstream: `h2c://127.0.0.1:${port}`,
    idle_timeout: "1h",
    wake_timeout: "1m",
    ...more,
  });
  await home.write({
    listen: {
      proxy: `127.0.0.1:${plainPort}`,
      tls: { address: `127.0.0.1:${tlsPort}`, certificates: [{ cert_file: "app.crt", key_file: "app.key" }] },
    },
    providers: { here: { type: "process" } },
    workloads: {
      app: workload("app.test", appPort, 300, {}),
      slow: workload("www.app.test", slowPort, 600_000, { hold: "300ms" }),
    },
  });
  nodoff = await home.serve();
});

function connect(host: string, how: "TLS" | "h2c"): Client {
  const secure: ChannelCredentials = credentials.createSsl(Buffer.from(appPair.cert));
  const options = { "grpc.ssl_target_name_override": host, "grpc.default_authority": host, "grpc.enable_retries": 0 };
  const client =
    how === "TLS"
      ? new Client(`127.0.0.1:${tlsPort}`, secure, options)
      : new Client(`127.0.0.1:${plainPort}`, credentials.createInsecure(), options);
  atEnd(() => Promise.resolve(client.close()));
  return client;
}

interface Told {
  readonly text: string | undefined;
  readonly code: status;
  readonly details: string;
  readonly trailers: Metadata;
}

function call(
  client: Client,
  { path, requestSerialize, responseDeserialize }: (typeof methods)["unary"],
  text: string,
): Promise<Told> {
  const headers = new Headers();
  headers.set("x-key", "kept");
  return new Promise((resolve) => {
    let answer: string | undefined;
    client
      .makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        text,
        headers,
        { deadline: Date.now() + 30_000 },
        (_error, value) => (answer = value),
      )
      .on("status", ({ code, details, metadata }) =>
        setImmediate(() => resolve({ text: answer, code, details, trailers: metadata })),
      );
  });
}

async function asleep(alias: string): Promise<void> {
  await fetch(`http://127.0.0.1:${home.port}/api/v1/workloads/${alias}/sleep`, {
    method: "POST",
    headers: { Authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
    body: JSON.stringify({ force: true }),
  });
  await nodoff.inState(alias, "napping");
}

for (const how of ["TLS", "h2c"] as const)
  describe(`gRPC over ${how}`, () => {
    it("is held while its server wakes: a unary call with metadata and trailers", async () => {
      await asleep("app");
      const told = await call(connect("app.test", how), methods.unary, "hello");
      assert.deepEqual([told.code, told.text, told.trailers.get("x-trailer")], [status.OK, "hello kept", ["after"]]);
    });

    it("streams from the server: a thousand messages", async () => {
      const client = connect("app.test", how);
      const { path, requestSerialize, responseDeserialize } = methods.stream;
      const got = (await client
        .makeServerStreamRequest(path, requestSerialize, responseDeserialize, "1000")
        .toArray()) as string[];
      assert.equal(got.length, 1_000);
      assert.equal(got.at(-1), "message 999");
    });

    it("streams both ways, each message answered before the next is sent", async () => {
      const client = connect("app.test", how);
      const { path, requestSerialize, responseDeserialize } = methods.bidi;
      const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
      for (const text of ["one", "two", "three"]) {
        stream.write(text);
        const [answer] = (await once(stream, "data")) as [string];
        assert.equal(answer, `<${text}>`);
      }
      stream.end();
      stream.resume();
      const [{ code }] = (await once(stream, "status")) as [{ readonly code: status }];
      assert.equal(code, status.OK);
    });

    it("keeps codes and details of failures, and of methods that are not there", async () => {
      const client = connect("app.test", how);
      const failed = await call(client, methods.fail, "x");
      assert.deepEqual([failed.code, failed.details], [status.FAILED_PRECONDITION, "not like this: 100 % ä"]);
      const unknown = await call(client, { ...methods.unary, path: "/test.Echo/None" }, "x");
      assert.equal(unknown.code, status.UNIMPLEMENTED);
    });

    it("tells the server that a call was cancelled", async () => {
      const client = connect("app.test", how);
      const before = (await call(client, methods.unary, "cancelled?")).text;
      const { path, requestSerialize, responseDeserialize } = methods.bidi;
      const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
      stream.write("one");
      await once(stream, "data");
      const ended = new Promise<ServiceError>((resolve) => void stream.once("error", resolve));
      stream.cancel();
      assert.equal((await ended).code, status.CANCELLED);
      await until("it was told", async () =>
        (await call(client, methods.unary, "cancelled?")).text === before ? undefined : true,
      );
    });

    it("says UNAVAILABLE where the server does not wake in time", async () => {
      const told = await call(connect("www.app.test", how), methods.unary, "hello");
      assert.equal(told.code, status.UNAVAILABLE);
    });
  });

it("gRPC: says UNIMPLEMENTED where no route leads", async () => {
  assert.equal((await call(connect("other.test", "h2c"), methods.unary, "x")).code, status.UNIMPLEMENTED);
});
