import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { z } from "zod";
import { openBoxes, web } from "../support/e2e/boxes.ts";
import { freePort } from "../support/e2e/child.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { openEngineView } from "../support/e2e/engine-view.ts";
import { openHome, runNodoff } from "../support/e2e/home.ts";

// What people type, with what they get wrong: exit codes of contract.md, words instead of stack traces.
const atEnd = createEnds();
const home = await openHome(atEnd);
const directory = home.directory;

async function fileOf(name: string, text: string): Promise<string> {
  const file = join(directory, name);
  await writeFile(file, text);
  return file;
}

interface Ran {
  readonly code: number | NodeJS.Signals;
  readonly text: string;
}

/** Away from any nodoff.yaml of this machine; nobody ever gets to see a stack. */
async function nodoff(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const { code, lines } = await runNodoff(args, { env, cwd: directory });
  const text = lines.join("\n");
  assert.ok(!lines.some((line) => /^\s+at .*:\d+:\d+\)?$/.test(line)), `a stack trace:\n${text}`);
  return { code, text };
}

const Place = z.strictObject({
  file: z.string(),
  line: z.int(),
  column: z.int(),
  key: z.string(),
  message: z.string(),
});
const Report = z.strictObject({
  errors: z.array(Place),
  warnings: z.array(Place),
  routes: z.array(z.looseObject({ alias: z.string(), hosts: z.array(z.string()), workload: z.string().nullable() })),
  workloads: z.array(
    z.looseObject({
      alias: z.string(),
      ref: z.string(),
      signals: z.array(z.looseObject({ name: z.string(), live: z.boolean() })),
    }),
  ),
});

const engineAway = "providers: { local: { type: docker, url: 'unix:///nowhere/docker.sock' } }\n";
const broken = `workloads:\n  blog:\n    container: blog\n    host: blog.test\n    idle_timeout: 5\n    hots: x\n`;

describe("check", { concurrency: 2 }, () => {
  it("prints what a valid file makes; a container that does not exist yet is a warning", async () => {
    const file = await fileOf(
      "valid.yaml",
      `providers: { local: { type: docker, discover: false } }\nworkloads:\n  blog: { container: not-made-yet, host: blog.test, port: 80 }\n`,
    );
    const human = await nodoff(["check", "--config", file]);
    assert.equal(human.code, 0, human.text);
    assert.match(human.text, /^warning: .*valid\.yaml:3:11 workloads\.blog\.container: .*"not-made-yet"/m);
    assert.match(human.text, /^route blog: blog\.test\/ -> workload blog/m);
    assert.match(human.text, /^workload blog: .*sleeps \(stop\) after 15 ?m/m);
    assert.match(human.text, /signal requests: live/);
    assert.ok(!human.text.includes("\u001b"), "no colours away from a terminal");
    const json = await nodoff(["check", "--config", file, "--json"]);
    assert.equal(json.code, 0);
    const report = Report.parse(JSON.parse(json.text));
    assert.deepEqual(report.errors, []);
    assert.equal(report.warnings[0]?.key, "workloads.blog.container");
    assert.deepEqual(
      report.routes.map(({ alias, hosts, workload }) => [alias, hosts, workload]),
      [["blog", ["blog.test"], "blog"]],
    );
    assert.deepEqual(
      report.workloads.map(({ alias, ref }) => [alias, ref]),
      [["blog", "not-made-yet"]],
    );
  });

  it("names every error of a wrong file by its place, and exits with 3", async () => {
    const file = await fileOf("broken.yaml", broken);
    const human = await nodoff(["check", "--config", file]);
    assert.equal(human.code, 3);
    assert.match(
      human.text,
      /broken\.yaml:5:\d+ workloads\.blog\.idle_timeout: "5" is not a duration \(did you mean "5m"\?\)/,
    );
    assert.match(human.text, /broken\.yaml:6:\d+ workloads\.blog\.hots: .*did you mean "hosts?"/);
    const json = await nodoff(["check", "--json", "--config", file]);
    assert.equal(json.code, 3);
    const { errors } = Report.parse(JSON.parse(json.text));
    assert.deepEqual(
      errors.map(({ line, key }) => [line, key]),
      [
        [5, "workloads.blog.idle_timeout"],
        [6, "workloads.blog.hots"],
      ],
    );
    assert.equal(errors[0]?.file, file);
  });

  it("exits with 4 where an engine does not answer", async () => {
    const file = await fileOf("away.yaml", engineAway);
    const { code, text } = await nodoff(["check", "--config", file]);
    assert.equal(code, 4);
    assert.match(text, /away\.yaml:1:14 providers\.local: .*\/nowhere\/docker\.sock.*not reachable/);
  });

  it("reads labels too: a wrong one is an error that names its container", async () => {
    const run = randomBytes(4).toString("hex");
    const socket = join(directory, "engine.sock");
    const view = await openEngineView(socket, `nodoff-test.run=${run}`);
    atEnd(() => view.close());
    const boxes = await openBoxes(atEnd);
    const labels = { "nodoff-test.run": run, "nodoff.enable": "true" };
    const good = await boxes.create("good", {
      cmd: web(),
      labels: { ...labels, "nodoff.name": "good", "nodoff.host": "good.test" },
    });
    const wrong = await boxes.create("wrong", {
      cmd: web(),
      labels: { ...labels, "nodoff.host": "wrong.test", "nodoff.min_awake": "soon" },
    });
    const file = await fileOf("labels.yaml", `providers: { local: { type: docker, url: "unix://${socket}" } }\n`);
    const human = await nodoff(["check", "--config", file]);
    assert.equal(human.code, 3, human.text);
    assert.ok(human.text.includes(`label ${wrong.name} nodoff.min_awake: "soon" is not a duration`), human.text);
    const { routes, workloads } = Report.parse(JSON.parse((await nodoff(["check", "--json", "--config", file])).text));
    assert.deepEqual(
      routes.map(({ alias }) => alias),
      ["good"],
    );
    assert.deepEqual(
      workloads.map(({ ref }) => ref),
      [good.name],
    );
    assert.ok(!(await good.running()) && !(await wrong.running()), "it changes nothing");
  });

  it("says what is wrong with a file that cannot be read", async () => {
    const missing = await nodoff(["check", "--config", join(directory, "no-such.yaml")]);
    assert.equal(missing.code, 3);
    assert.match(missing.text, /no-such\.yaml:1:1 cannot be read: no such file/);
    const folder = await nodoff(["check", "--config", directory]);
    assert.equal(folder.code, 3);
    assert.match(folder.text, /cannot be read: is a folder/);
    const syntax = await nodoff(["check", "--config", await fileOf("syntax.yaml", "workloads: [\n")]);
    assert.equal(syntax.code, 3);
    assert.match(syntax.text, /syntax\.yaml:\d+:\d+ /);
  });
});

describe("serve", { concurrency: 2 }, () => {
  it("refuses a wrong file with 3, naming every place", async () => {
    const { code, text } = await nodoff(["serve", "--config", await fileOf("serve.yaml", broken)]);
    assert.equal(code, 3);
    assert.match(text, /serve\.yaml:5:\d+ workloads\.blog\.idle_timeout/);
    assert.match(text, /serve\.yaml:6:\d+ workloads\.blog\.hots/);
  });

  it("is the command where none is given, and takes the file from NODOFF_CONFIG", async () => {
    const file = await fileOf("env.yaml", broken);
    const { code, text } = await nodoff([], { NODOFF_CONFIG: file });
    assert.equal(code, 3);
    assert.match(text, /env\.yaml:5:/);
  });

  it("refuses an address it cannot listen on, with a word why", async () => {
    const file = await fileOf(
      "listen.yaml",
      `listen: { hook: "203.0.113.7:8090" }\nstate_dir: ${directory}/s\n${engineAway}`,
    );
    const { code, text } = await nodoff(["serve", "--config", file]);
    assert.equal(code, 1);
    assert.match(text, /cannot listen on 203\.0\.113\.7:8090: this machine does not have that address/);
  });
});

describe("healthcheck", { concurrency: 2 }, () => {
  it("asks the nodoff of this configuration, wherever it listens", async () => {
    const port = await freePort();
    // Not on 127.0.0.1: a nodoff that listens on one address only.
    await home.write({
      listen: { hook: `127.0.0.2:${port}` },
      providers: { local: { type: "docker", url: "unix:///nowhere/docker.sock" } },
    });
    const before = await nodoff(["healthcheck", "--config", home.file]);
    assert.equal(before.code, 4);
    assert.match(before.text, new RegExp(`not reachable at http://127\\.0\\.0\\.2:${port}`));
    const served = await home.serve();
    const after = await nodoff(["healthcheck", "--config", home.file]);
    assert.equal(after.code, 0, after.text);
    const byUrl = await nodoff(["healthcheck"], { NODOFF_URL: `http://127.0.0.2:${port}` });
    assert.equal(byUrl.code, 0, byUrl.text);
    await served.close();
  });

  it("fails in words where nobody listens", async () => {
    const { code, text } = await nodoff(["healthcheck", "--url", `http://127.0.0.1:${await freePort()}`]);
    assert.equal(code, 4);
    assert.match(text, /not reachable at http:\/\/127\.0\.0\.1:\d+: /);
    const nonsense = await nodoff(["healthcheck", "--url", "nonsense"]);
    assert.equal(nonsense.code, 2);
    assert.match(nonsense.text, /"nonsense" is not a URL/);
  });
});

describe("usage", { concurrency: 2 }, () => {
  const wrong: readonly (readonly string[])[] = [
    ["no-such-command"],
    ["--no-such-option"],
    ["check", "too", "many"],
    ["serve", "--config"],
  ];
  for (const args of wrong) {
    it(`exits with 2: nodoff ${args.join(" ")}`, async () => {
      const { code, text } = await nodoff(args);
      assert.equal(code, 2);
      assert.match(text, /^nodoff: .+\nTry: nodoff (?:--help|help [a-z ]+)$/);
    });
  }

  it("prints help and version", async () => {
    const help = await nodoff(["--help"]);
    assert.equal(help.code, 0);
    assert.match(
      help.text,
      /Usage: nodoff .*[^]*Exit codes: 0 done, 1 failed, 2 usage, 3 configuration invalid, 4 not reachable/,
    );
    const version = await nodoff(["--version"]);
    assert.equal(version.code, 0);
    assert.match(version.text, /^\d+\.\d+\.\d+/);
  });
});
