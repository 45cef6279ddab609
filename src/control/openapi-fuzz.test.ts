import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { it } from "node:test";
import type { TestContext } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import fc from "fast-check";
import { adminAccess, fakeWorkload, read, startControl, visitFrom } from "../../test/support/control.ts";
import { callsTo } from "../../test/support/openapi-calls.ts";
import type { ApiDocument, Call } from "../../test/support/openapi-calls.ts";
import { parsePasswordHash } from "../core/password-hash.ts";
import { hashPassword } from "./password.ts";
import { OpenApi } from "./schema.ts";
import type { WorkloadHandle } from "../core/workload-handle.ts";

// 20,000 for a release (`npm run test:fuzz:api`); a taste of it with every check.
const calls = Number(process.env["FUZZ_CALLS"] ?? 2_000);
const atOnce = 20;

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

type Judge = (call: Call, answer: Answer) => string | null;

const inUse: WorkloadHandle = fakeWorkload("busy", {
  sleep: { kind: "in_use", reasons: [{ signal: "connections", verdict: "in_use", text: "1 open connection" }] },
});
const notOurs: WorkloadHandle = fakeWorkload("db", { spec: { sleeps: false } });
const chatty: WorkloadHandle = {
  ...fakeWorkload("blog", { view: { state: "ready" } }),
  async *follow() {
    yield "<b>\u001b[31mone";
  },
};
const workloads = new Map([inUse, notOurs, chatty].map((workload) => [workload.spec.alias, workload]));

/** What the document says of an answer: null, or what is wrong with it. */
function judgeBy(document: ApiDocument): Judge {
  const ajv = new Ajv2020({ strict: false, validateFormats: true });
  addFormats.default(ajv);
  ajv.addSchema(document, "api");
  const escape = (text: string): string => text.replace(/~/g, "~0").replace(/\//g, "~1");
  const misfit = (pointer: readonly string[], body: string): string | null => {
    const validate = ajv.getSchema(`api#/${pointer.map((step) => encodeURIComponent(escape(step))).join("/")}`);
    if (validate === undefined) return "no schema";
    return validate(JSON.parse(body)) === true ? null : ajv.errorsText(validate.errors);
  };
  const problem = ["components", "schemas", "Problem"];
  return ({ template, path, method }, { status, headers, body }) => {
    const type = String(headers["content-type"]).split(";")[0] ?? "";
    if (status >= 500) return "a failure of ours";
    const isHead = method === "HEAD";
    const operation = document.paths[template]?.[(isHead ? "GET" : method).toLowerCase()];
    const isThere = matches(template, path);
    if (isThere && operation === undefined) {
      if (status === 405 && headers.allow === undefined) return "405 without Allow";
    } else if (isThere && operation?.responses[status]?.content[type] === undefined) return "not documented";
    const isExpected = isThere && operation !== undefined ? true : [401, 403, 404, 405, 400, 429].includes(status);
    if (!isExpected) return "not documented";
    if (isHead) return body === "" ? null : "HEAD with a body";
    if (status >= 400) return type === "application/problem+json" ? misfit(problem, body) : "no problem+json";
    const schema = ["paths", template, method.toLowerCase(), "responses", String(status), "content", type, "schema"];
    if (type !== "text/event-stream") return misfit(schema, body);
    // Cut off in the middle of the next frame.
    const whole = body.slice(0, body.lastIndexOf("\n\n"));
    const frames = [...whole.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) => misfit(schema, data));
    return frames.find((wrong) => wrong !== null) ?? null;
  };
}

/** Whether the path is still one of the template's: junk may have turned it into another. */
function matches(template: string, path: string): boolean {
  const [only = ""] = path.split("?");
  const pattern = template.replace(/[.]/g, "\\.").replace(/\{\w+\}/g, "[^/]+");
  return new RegExp(`^${pattern}$`).test(only);
}

async function start(t: TestContext) {
  const passwordHash = parsePasswordHash(await hashPassword("fuzz"));
  assert.ok(passwordHash !== null);
  const users = [{ name: "viewer", passwordHash, role: "viewer" as const }];
  const { ask, port, clock, changes } = await startControl(t, {
    admin: adminAccess({ token: "operator", users }),
    workloads: () => workloads.values(),
    workload: (alias) => workloads.get(alias),
    // Whoever guesses has to wait, and nobody else for it.
    visit: (request) =>
      visitFrom(request.headers["authorization"] === "Bearer wrong" ? "192.0.2.1" : "127.0.0.1")(request),
  });
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  t.after(() => agent.destroy());
  const authorization = {
    operator: { authorization: "Bearer operator" },
    viewer: { authorization: `Basic ${btoa("viewer:fuzz")}` },
    wrong: { authorization: "Bearer wrong" },
    none: {},
  };
  const send = async ({ path, method, headers, body, credentials }: Call): Promise<Answer> => {
    const all = { ...headers, ...authorization[credentials] };
    const request = httpRequest({ host: "127.0.0.1", port, agent, path, method, headers: all });
    // Bytes, with their length: a GET with a body would else be sent in chunks.
    const bytes = body === null ? null : Buffer.from(body);
    if (bytes !== null) request.setHeader("content-length", bytes.length);
    request.end(bytes ?? undefined);
    const [response] = (await once(request, "response")) as [IncomingMessage];
    const isStream = String(response.headers["content-type"]).startsWith("text/event-stream") && method !== "HEAD";
    let text = "";
    for await (const chunk of response.setEncoding("utf8")) {
      text += String(chunk);
      // It would go on for ever.
      if (isStream && text.includes("\n\n")) break;
    }
    return { status: response.statusCode ?? 0, headers: response.headers, body: text };
  };
  return { ask, send, clock, changes };
}

it(`answers ${calls} calls of all kinds as openapi.json says, and with no failure`, async (t) => {
  const { ask, send, clock, changes } = await start(t);
  const reply = await ask("/api/v1/openapi.json", { bearer: "operator" });
  const document = read(OpenApi, reply) as unknown as ApiDocument;
  const judge = judgeBy(document);
  const seen = new Map<string, number>();
  const names = ["blog", "busy", "db", "nas", "none"];
  const property = fc.asyncProperty(
    fc.array(callsTo(document, names), { minLength: atOnce, maxLength: atOnce }),
    async (batch) => {
      const answers = await Promise.all(batch.map(send));
      for (const [index, call] of batch.entries()) {
        const answer = answers[index];
        assert.ok(answer !== undefined);
        const key = `${call.method} ${call.template} ${answer.status}`;
        seen.set(key, (seen.get(key) ?? 0) + 1);
        const wrong = judge(call, answer);
        assert.equal(wrong, null, `${call.method} ${call.path}: ${answer.status} ${answer.body.slice(0, 300)}`);
      }
      clock.advance(1_000);
    },
  );
  await fc.assert(property, { numRuns: Math.ceil(calls / atOnce) });
  // It got everywhere: each operation succeeded, and each kind of refusal was met.
  for (const [path, byMethod] of Object.entries(document.paths))
    for (const method of Object.keys(byMethod)) {
      const done = [200, 202].some((status) => seen.has(`${method.toUpperCase()} ${path} ${status}`));
      assert.ok(done || path === "/api/v1/doctor/{nonce}", `${method} ${path} never succeeded`);
    }
  const statuses = new Set([...seen.keys()].map((key) => Number(key.split(" ")[2])));
  for (const status of [200, 202, 400, 401, 403, 404, 405, 409, 413, 429]) assert.ok(statuses.has(status), `${status}`);
  assert.ok(changes.every((change) => !change.includes("db sleep") && !change.includes("db restart")));
  t.diagnostic(`${seen.size} kinds of answers`);
});
