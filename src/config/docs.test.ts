import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { parse } from "yaml";
import type { LabelPeer } from "./adopting.ts";
import { formatLabelError, readLabels } from "./labels.ts";
import type { LabelReading } from "./labels.ts";
import { formatConfigError, loadConfig } from "./load.ts";

const root = new URL("../../", import.meta.url);
const skipped = new Set(["node_modules", "src", "test", "dist", "package"]);

/** Fenced YAML blocks that say in their first line which file they are of, with the line they start at. */
function blocksOf(markdown: string, file = "nodoff.yaml"): { text: string; line: number }[] {
  const fences = markdown.matchAll(/^( *)```ya?ml\n\1(# [^]*?)^ *```/gm);
  return [...fences].flatMap(({ index, 2: text = "" }) =>
    text.startsWith(`# ${file}`) ? { text, line: markdown.slice(0, index).split("\n").length + 1 } : [],
  );
}

function errorsOf(text: string): string[] {
  const names = [...text.matchAll(/\$\{(\w+)/g)].map(([, name = ""]) => [name, "value"]);
  const readFile = (path: string): string => {
    if (path === "nodoff.yaml") return text;
    return path.endsWith(".pem") ? "-----BEGIN CERTIFICATE-----" : "secret";
  };
  const result = loadConfig({ file: "nodoff.yaml", env: Object.fromEntries(names), readFile });
  return result.ok ? [] : result.errors.map(formatConfigError);
}

type Labels = Readonly<Record<string, string>>;

interface ComposeFile {
  readonly services?: Readonly<Record<string, { readonly labels?: Labels | readonly string[] }>>;
}

/** What the labels of each service of a compose file come to, those of other systems adopted. */
function readingsOf(text: string): ReadonlyMap<string, LabelReading> {
  const { services = {} } = parse(text) as ComposeFile;
  const peers = Object.entries(services).map(([name, { labels: written = {} }]) => ({
    name,
    labels: Array.isArray(written)
      ? Object.fromEntries(written.map((label: string) => label.split(/=(.*)/s)))
      : (written as Labels),
  }));
  const systems = ["godoxy", "dag", "sablier"] as const;
  const common = { provider: "local", defaults: {}, publicUrl: null, systems, peers };
  const read = ({ name, labels }: LabelPeer) => readLabels({ ...common, labels, containerName: `project-${name}-1` });
  return new Map(peers.map((peer) => [peer.name, read(peer)]));
}

/** What is wrong with the labels of a compose file's services. */
function labelErrorsOf(text: string): string[] {
  return [...readingsOf(text).values()].flatMap((read) =>
    read.kind === "invalid" ? read.errors.map(formatLabelError) : [],
  );
}

function markdownFiles(folder: URL): URL[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name.startsWith(".") || skipped.has(entry.name)) return [];
    if (entry.isDirectory()) return markdownFiles(new URL(`${entry.name}/`, folder));
    return entry.name.endsWith(".md") ? [new URL(entry.name, folder)] : [];
  });
}

describe("nodoff.yaml blocks in the docs", () => {
  for (const file of markdownFiles(root)) {
    const name = file.href.slice(root.href.length);
    for (const { text, line } of blocksOf(readFileSync(file, "utf8")))
      it(`${name}:${line} is right`, () => assert.deepEqual(errorsOf(text), []));
    for (const { text, line } of blocksOf(readFileSync(file, "utf8"), "compose.yaml"))
      it(`${name}:${line} has right labels`, () => assert.deepEqual(labelErrorsOf(text), []));
  }

  it("docs/migration.md shows labels of three systems that are all adopted", () => {
    const blocks = blocksOf(readFileSync(new URL("docs/migration.md", root), "utf8"), "compose.yaml");
    const found = blocks.flatMap(({ text }) => [...readingsOf(text)].map(([name, { kind }]) => `${name} ${kind}`));
    assert.deepEqual(found, ["app spec", "worker spec", "app spec", "app spec"]);
  });

  it("would find a wrong label, in a map and in a list", () => {
    const file = (labels: string): string => `services: { web: { labels: ${labels} } }`;
    const right = '{ nodoff.enable: "true", nodoff.host: a.test }';
    assert.deepEqual(labelErrorsOf(file(right)), []);
    assert.equal(labelErrorsOf(file(right.replace("host", "hots"))).length, 1);
    assert.equal(labelErrorsOf(file("[nodoff.enable=true, nodoff.idle_timeout=5]")).length, 1);
  });

  for (const file of ["caddy/nodoff.yaml", "traefik/nodoff.way-d.yaml"])
    it(`${file} is right`, () => assert.deepEqual(errorsOf(readFileSync(new URL(file, root), "utf8")), []));

  it("would be found and found wrong", () => {
    const fixture = readFileSync(new URL("test/fixtures/nodoff.everything.yaml", root), "utf8");
    const fence = (info: string, text: string): string => `Words.\n\n\`\`\`${info}\n${text}\`\`\`\n`;
    const markdown =
      fence("yaml", `# nodoff.yaml\n${fixture}`) + fence("yaml", "services: {}\n") + fence("sh", "# nodoff.yaml\n");
    const blocks = blocksOf(markdown);
    assert.deepEqual(
      blocks.map(({ line }) => line),
      [4],
    );
    assert.equal(blocks[0]?.text, `# nodoff.yaml\n${fixture}`);
    assert.deepEqual(errorsOf(blocks[0]?.text ?? ""), []);
    assert.deepEqual(errorsOf("# nodoff.yaml\nlog: { level: loud }\n").length, 1);
  });
});
