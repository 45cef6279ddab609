import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readLabels } from "./labels.ts";
import { loadConfig } from "./load.ts";

const text = `
defaults: { loading: { theme: ../themes/ours } }
workloads:
  blog:
    container: blog-web
    host: blog.test
    loading: { theme: terminal, icon: ./icons/blog.svg }
  wiki:
    container: wiki
    host: wiki.test
    loading: { icon: "data:image/png;base64,AA/A" }
`;

function load() {
  const result = loadConfig({ file: "/etc/nodoff/nodoff.yaml", env: {}, readFile: () => text });
  assert.ok(result.ok, JSON.stringify(result));
  return result.config;
}

function labelled(labels: Readonly<Record<string, string>>) {
  const all = { "nodoff.enable": "true", "nodoff.host": "a.test", ...labels };
  const { defaults } = load();
  return readLabels({ labels: all, containerName: "a", provider: "local", defaults, publicUrl: null });
}

describe("how pages look", () => {
  it("files and folders start from the configuration's, also in what others inherit", () => {
    const [blog, wiki] = load().workloads;
    assert.deepEqual([blog?.loading.theme, blog?.loading.icon], ["terminal", "/etc/nodoff/icons/blog.svg"]);
    assert.deepEqual([wiki?.loading.theme, wiki?.loading.icon], ["/etc/themes/ours", "data:image/png;base64,AA/A"]);
    const container = labelled({ "nodoff.loading.icon": "jellyfin" });
    assert.equal(container.kind === "spec" && container.workload.loading.theme, "/etc/themes/ours");
  });

  it("each is told with the place that names it", () => {
    assert.deepEqual(
      load().appearances.map(({ kind, value, place }) => `${kind} ${value} ${place.line}:${place.column} ${place.key}`),
      [
        "theme /etc/themes/ours 2:24 defaults.loading.theme",
        "theme terminal 7:16 workloads.blog.loading.theme",
        "icon /etc/nodoff/icons/blog.svg 7:33 workloads.blog.loading.icon",
        "icon data:image/png;base64,AA/A 11:16 workloads.wiki.loading.icon",
      ],
    );
  });

  for (const [label, value, message] of [
    ["theme", "/etc", /"\/etc" is not one of default, terminal, minimal; a folder can be named in nodoff\.yaml only/],
    ["theme", "terminl", /"terminl" is not one of default, terminal, minimal \(did you mean "terminal"\?\)/],
    ["icon", "/var/lib/nodoff/secret.svg", /a file can be named in nodoff\.yaml only/],
    ["icon", "../x.png", /a file can be named in nodoff\.yaml only/],
  ] as const) {
    it(`whoever writes labels has no file of this machine shown: ${label}=${value}`, () => {
      const read = labelled({ [`nodoff.loading.${label}`]: value });
      assert.equal(read.kind, "invalid");
      assert.match(read.kind === "invalid" ? (read.errors[0]?.message ?? "") : "", message);
    });
  }
});
