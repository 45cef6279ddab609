import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { Session } from "../../src/control/schema.ts";
import { hashPassword } from "../../src/control/password.ts";
import { until } from "../support/e2e/child.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { openHome, runNodoff, type Served } from "../support/e2e/home.ts";
import { openEvents } from "../support/event-stream.ts";

// How people get in, with the real process and its files: from nothing configured to users and proxies.
const atEnd = createEnds();
const home = await openHome(atEnd);
const script = `printf '<script>alert(1)</script>\\033[31m red\\033[0m\\n'; exec sleep 1000`;
const config = {
  admin: {},
  providers: { here: { type: "process" } },
  workloads: {
    app: {
      process: { command: ["sh", "-c", script] },
      host: "app.test",
      upstream: "http://127.0.0.1:9",
      wake_timeout: "60s",
    },
  },
};
const origin = `http://127.0.0.1:${home.port}`;
const password = "a pässword";

const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${origin}${path}`, { redirect: "manual", ...init });
const signIn = (fields: Record<string, string>, path = "/login"): Promise<Response> =>
  ask(path, { method: "POST", body: new URLSearchParams(fields) });
const cookieOf = (answer: Response): string => answer.headers.get("set-cookie")?.split(";")[0] ?? "";
const who = async (headers: Record<string, string>, path = "/api/v1/session"): Promise<string> => {
  const answer = await ask(path, { headers });
  if (!answer.ok) return String(answer.status);
  const { name, role, via } = Session.parse(await answer.json());
  return `${name} ${role} ${via}`;
};
const codeOf = async (nodoff: Served): Promise<string> => {
  const line = await nodoff.logged(({ message }) => message.startsWith("no admin token is configured"), "a login code");
  return String(line.context?.["code"]);
};
const reload = async (nodoff: Served, next: object): Promise<void> => {
  const mark = nodoff.mark();
  await home.write({ ...config, ...next });
  await nodoff.loggedSince(mark, ({ message }) => message === "configuration reloaded", "reload");
};

await home.write(config);
const first = await home.serve();
let token = "";

it("shows a code that lets one person in once, and never the token", async () => {
  const code = await codeOf(first);
  const file = join(home.directory, "state", "admin-token");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const printed = await runNodoff(["token", "--config", home.file]);
  assert.equal(printed.code, 0);
  token = printed.lines.at(-1) ?? "";
  assert.equal(await who({ authorization: `Bearer ${token}` }), "admin operator token");
  const answer = await signIn({ token: code });
  assert.deepEqual([answer.status, answer.headers.get("location")], [303, "./"]);
  assert.equal(await who({ cookie: cookieOf(answer) }), "admin operator session");
  assert.equal((await signIn({ token: code })).status, 401);
  const log = first.child.lines.join("\n");
  assert.ok(token !== "" && !log.includes(token) && !log.includes(cookieOf(answer).slice(15)));
});

it("tells the lines of a program as text, live", async () => {
  const headers = { authorization: `Bearer ${token}` };
  const reader = await openEvents({ port: home.port, path: "/api/v1/workloads/app/logs", headers });
  const woken = await ask("/api/v1/workloads/app/wake", { method: "POST", headers });
  assert.equal(woken.status, 202);
  assert.deepEqual((await reader.next()).data, { line: "<script>alert(1)</script> red" });
  reader.close();
});

it("keeps the token over a restart, and no session", async () => {
  const session = { cookie: cookieOf(await signIn({ token })) };
  assert.equal(await who(session), "admin operator session");
  await first.child.close();
  const second = await home.serve();
  assert.equal(await who(session), "401");
  assert.equal(await who({ authorization: `Bearer ${token}` }), "admin operator token");
  const code = await codeOf(second);
  assert.equal((await signIn({ token: code })).status, 303);

  await reload(second, {
    base_path: "/nodoff",
    public_url: "https://nodoff.test",
    trusted_proxies: ["loopback"],
    admin: {
      users: { ops: { password_hash: await hashPassword(password), role: "viewer" } },
      trusted_header: { name: "Remote-User", from: ["127.0.0.1"], role: "operator" },
    },
  });
});

it("lets users and named proxies in after a reload, below a path, as behind TLS", async () => {
  const behind = { "x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.9", "x-forwarded-host": "nodoff.test" };
  const form = new URLSearchParams({ user: "ops", password });
  const answer = await ask("/nodoff/login", {
    method: "POST",
    body: form,
    headers: { ...behind, origin: "https://nodoff.test" },
  });
  assert.equal(answer.status, 303);
  assert.match(answer.headers.get("set-cookie") ?? "", /; Path=\/nodoff; HttpOnly; Secure; SameSite=Strict$/);
  assert.equal(await who({ cookie: cookieOf(answer) }, "/nodoff/api/v1/session"), "ops viewer session");
  assert.equal(
    await who({ authorization: `Basic ${Buffer.from(`ops:${password}`).toString("base64")}` }),
    "ops viewer basic",
  );
  assert.equal(await who({ "remote-user": "anna" }), "anna operator header");
  const headers = { ...behind, "remote-user": "anna", origin: "https://evil.test" };
  const wake = await ask("/nodoff/api/v1/workloads/app/wake", { method: "POST", headers });
  assert.equal(wake.status, 403);
  const audit = await until("who did it", async () => {
    const answered = await ask("/api/v1/workloads/app/events", { headers: { authorization: `Bearer ${token}` } });
    const { events } = (await answered.json()) as { events: { type: string; message: string }[] };
    return events.find(({ type }) => type === "audit");
  });
  assert.equal(audit.message, "admin: wake asked");
});

it("goes without a login on loopback alone", async () => {
  const checked = await openHome(atEnd);
  await checked.write({ ...config, listen: { hook: ":0" }, admin: { auth: "none" } });
  const refused = await runNodoff(["check", "--config", checked.file]);
  assert.equal(refused.code, 3);
  assert.match(
    refused.lines.join("\n"),
    /admin\.auth: "none" is accepted only while listen\.hook is a loopback address/,
  );
  await checked.write({ ...config, admin: { auth: "none" } });
  await checked.serve();
  const here = `http://127.0.0.1:${checked.port}/api/v1/session`;
  assert.deepEqual(await (await fetch(here)).json(), { name: "admin", role: "operator", via: "none" });
  assert.equal(
    (
      await fetch(here.replace("session", "workloads/app/unpin"), {
        method: "POST",
        headers: { origin: "https://evil.test" },
      })
    ).status,
    403,
  );
});
