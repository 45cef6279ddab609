import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { connect } from "node:tls";
import { WebSocket } from "ws";
import { appPair, type Pair, wildPair } from "../support/certificates.ts";
import { startChromium } from "../support/e2e/chromium.ts";
import { freePort, until } from "../support/e2e/child.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { type Home, openHome, runNodoff, type Served } from "../support/e2e/home.ts";
import { selfSigned } from "../support/self-signed.ts";
import { expectNothingInFlight } from "../support/e2e/in-flight.ts";

// listen.tls as users have it: files of certificates, curl and Chromium before it, a workload that sleeps behind it.
const atEnd = createEnds();
const app = fileURLToPath(new URL("../support/e2e/test-app.mts", import.meta.url));
const [plainPort, tlsPort, appPort] = [await freePort(), await freePort(), await freePort()];
let home: Home;
let nodoff: Served;
expectNothingInFlight(() => nodoff);

async function put(name: string, { cert, key }: Pair): Promise<void> {
  for (const [end, text] of [
    ["crt", cert],
    ["key", key],
  ] as const) {
    await writeFile(join(home.directory, `${name}.new`), text);
    await rename(join(home.directory, `${name}.new`), join(home.directory, `${name}.${end}`));
  }
}

before(async () => {
  home = await openHome(atEnd);
  await put("app", appPair);
  const sites = ["app.test", "app.localhost"];
  await home.write({
    listen: {
      proxy: `127.0.0.1:${plainPort}`,
      tls: {
        address: `127.0.0.1:${tlsPort}`,
        certificates: [
          { cert_file: "app.crt", key_file: "app.key" },
          { cert_file: "wild.crt", key_file: "wild.key" },
        ],
        redirect: true,
      },
    },
    providers: { here: { type: "process" } },
    workloads: {
      app: {
        provider: "here",
        process: { command: [process.execPath, app], env: { PORT: String(appPort), LISTEN_DELAY_MS: "400" } },
        hosts: sites,
        upstream: `http://127.0.0.1:${appPort}`,
        idle_timeout: "1h",
        wake_timeout: "30s",
      },
    },
  });
  nodoff = await home.serve();
});

const run = promisify(execFile);

/** curl as people use it; what it prints, and `-w` behind it. */
async function curl(...args: readonly string[]): Promise<string> {
  const resolve = [`app.test:${tlsPort}:127.0.0.1`, `app.test:${plainPort}:127.0.0.1`].flatMap((at) => [
    "--resolve",
    at,
  ]);
  const { stdout } = await run("curl", ["-sk", "--noproxy", "*", "--max-time", "60", ...resolve, ...args]);
  return stdout;
}

const url = `https://app.test:${tlsPort}`;

async function asleep(): Promise<void> {
  const sent = await fetch(`http://127.0.0.1:${home.port}/api/v1/workloads/app/sleep`, {
    method: "POST",
    headers: { Authorization: "Bearer e2e-admin-token-0123456789abcdef", "content-type": "application/json" },
    body: JSON.stringify({ force: true }),
  });
  assert.ok(sent.status === 202 || sent.status === 409, String(sent.status));
  await nodoff.inState("app", "napping");
}

function subjectOf(servername: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port: tlsPort, servername, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

it("holds curl's request by HTTP/2 and by HTTP/1.1 until the app is there", async () => {
  for (const [flag, version] of [
    ["--http2", "2"],
    ["--http1.1", "1.1"],
  ] as const) {
    await asleep();
    const told = await curl(flag, "-w", "\n%{http_version} %{http_code}", `${url}/api?x=1`);
    const [body = "", line] = told.split("\n");
    const { headers } = JSON.parse(body) as { headers: Record<string, string> };
    assert.equal(line, `${version} 200`);
    assert.equal(headers["x-forwarded-proto"], "https");
    assert.equal(headers["x-forwarded-port"], String(tlsPort));
    assert.equal(headers["host"], `app.test:${tlsPort}`);
  }
});

it("carries curl's upload by HTTP/2 whole, to an app that sleeps", async () => {
  await asleep();
  const file = join(home.directory, "upload");
  await writeFile(file, Buffer.alloc(5_000_000, "nodoff "));
  const told = await curl("--http2", "-T", file, "-w", "\n%{http_code}", `${url}/upload`);
  assert.match(told, /"bytes":5000000,/);
  assert.match(told, /\n200$/);
});

it("sends clients of the plain port to https, and their POST with them", async () => {
  const told = await curl(
    "-L",
    "--http2",
    "--data",
    "abc",
    "-w",
    "\n%{url_effective} %{num_redirects}",
    `http://app.test:${plainPort}/form`,
  );
  assert.match(told, /"method":"POST","url":"\/form".*"bytes":3,/);
  assert.ok(told.endsWith(`\n${url}/form 1`), told);
});

it("shows Chromium the page over HTTP/2, then the app", async () => {
  const browser = await startChromium();
  try {
    const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
    const address = `https://app.localhost:${tlsPort}/deep?q=1`;
    // Chromium stops navigations while networks of other tests' containers come and go.
    const first = await until("a page", async () => {
      await asleep();
      return page.goto(address).catch(() => undefined);
    });
    assert.equal(first?.status(), 503);
    await page.locator("#app").waitFor();
    assert.equal(await page.locator("#url").textContent(), address);
    const protocol = await page.evaluate<string>("performance.getEntriesByType('navigation')[0].nextHopProtocol");
    assert.equal(protocol, "h2");
    const echoed = await page.evaluate<string>(
      "new Promise((resolve, reject) => { const socket = new WebSocket('wss://' + location.host + '/socket'); socket.onopen = () => socket.send('hello'); socket.onmessage = ({ data }) => resolve(data); socket.onerror = reject; })",
    );
    assert.equal(echoed, "hello");
  } finally {
    await browser.close();
  }
});

it("wakes for a WebSocket over TLS", async () => {
  await asleep();
  const socket = new WebSocket(`wss://127.0.0.1:${tlsPort}/socket`, {
    headers: { host: "app.test" },
    rejectUnauthorized: false,
  });
  const answer = await new Promise<string>((resolve, reject) => {
    socket.on("error", reject).on("open", () => socket.send("are you there"));
    socket.on("message", (data: Buffer) => resolve(data.toString()));
  });
  socket.close();
  assert.equal(answer, "are you there");
});

it("says which certificate is missing and runs with the other; then takes it as soon as it is there", async () => {
  const missing = `"${join(home.directory, "wild.crt")}" cannot be read`;
  const errors = (await nodoff.api("/config/errors")) as { readonly errors: readonly object[] };
  assert.equal(errors.errors.length, 1);
  const [error] = errors.errors as readonly {
    readonly source: string;
    readonly key: string;
    readonly message: string;
  }[];
  assert.equal(error?.key, "listen.tls.certificates.1.cert_file");
  assert.equal(error.message, missing);
  assert.match(error.source, /nodoff\.yaml:\d+:\d+$/);
  const checked = await runNodoff(["check", "--config", home.file]);
  assert.equal(checked.code, 3);
  assert.ok(
    checked.lines.some((line) => line.endsWith(`listen.tls.certificates.1.cert_file: ${missing}`)),
    checked.lines.join("\n"),
  );
  assert.equal(await subjectOf("a.wild.test"), "app.test");
  await put("wild", wildPair);
  await until("the second certificate", async () => ((await subjectOf("a.wild.test")) === "wild" ? true : undefined));
  assert.deepEqual(await nodoff.api("/config/errors"), { errors: [] });
  assert.equal((await runNodoff(["check", "--config", home.file])).code, 0);
});

it("takes a renewed certificate without a restart, and keeps the old one while the new is broken", async () => {
  const mark = nodoff.mark();
  await writeFile(join(home.directory, "app.key"), wildPair.key);
  const line = await nodoff.loggedSince(
    mark,
    ({ message }) => message.startsWith("certificate not reloaded"),
    "complaint",
  );
  assert.equal(line.level, "error");
  assert.match(String(line.context?.["error"]), /is not the key of/);
  assert.equal(await subjectOf("app.test"), "app.test");
  await put("app", selfSigned);
  await until("the renewed certificate", async () => ((await subjectOf("")) === "localhost" ? true : undefined));
  assert.deepEqual(await nodoff.api("/config/errors"), { errors: [] });
});
