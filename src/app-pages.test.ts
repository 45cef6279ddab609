import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { silentLogger } from "../test/support/logger.ts";
import { createAppPages } from "./app-pages.ts";
import { formatConfigError, loadConfig } from "./config/load.ts";

const options = { dir: join(import.meta.dirname, "../templates"), brands: null };

describe("themes and icons of the configuration", () => {
  it("that cannot be shown are errors at their places, until they can, and keep nothing from running", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "nodoff-app-pages-"));
    t.after(() => rm(folder, { recursive: true }));
    const text = `
workloads:
  blog:
    container: blog
    host: blog.test
    loading:
      theme: ./theme.d
      icon: nosuch
`;
    const file = join(folder, "nodoff.yaml");
    const loaded = loadConfig({ file, env: {}, readFile: () => text });
    assert.ok(loaded.ok);
    const pages = createAppPages({ ...options, logger: silentLogger });
    const errors = () => pages.errors.map((error) => formatConfigError(error).replace(`${folder}/`, ""));
    pages.update(loaded.config);
    const [theme = "", icon = ""] = errors();
    assert.match(
      theme,
      /^nodoff\.yaml:7:7 workloads\.blog\.loading\.theme: the theme cannot be used: .*theme\.d has neither/,
    );
    assert.match(icon, /^nodoff\.yaml:8:7 workloads\.blog\.loading\.icon: "nosuch" is neither an icon of Simple Icons/);

    await mkdir(join(folder, "theme.d"));
    await writeFile(join(folder, "theme.d", "style.css"), "h1 { color: red }");
    pages.update(loaded.config);
    assert.equal(errors().length, 1);
  });
});
