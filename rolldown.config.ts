import { readdirSync, readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "rolldown";
import * as simpleIcons from "simple-icons";
import { libraryFiles } from "./src/control/dashboard-files.ts";

const library = "node_modules/lit-html";

/** What the dashboard's page loads of lit-html goes beside the code: browsers get it as it is. */
function dashboardLibrary(): Plugin {
  return {
    name: "dashboard-library",
    generateBundle() {
      for (const name of libraryFiles) {
        const source = readFileSync(`${library}/${name}`, "utf8");
        this.emitFile({ type: "asset", fileName: `lit-html/${name}`, source });
      }
    },
  };
}

/** MIT and its kind ask for their notice in every copy: those of whatever was bundled go into one file beside it. */
function licences(): Plugin {
  return {
    name: "licences",
    generateBundle(_options, bundle) {
      const folders = new Set([library]);
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk") continue;
        for (const id of chunk.moduleIds) {
          const folder = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id)?.[0];
          if (folder !== undefined) folders.add(folder);
        }
      }
      folders.add(`${import.meta.dirname}/node_modules/simple-icons`);
      const source = [...folders]
        .sort()
        .map(notice)
        .join(`\n${"-".repeat(80)}\n\n`);
      this.emitFile({ type: "asset", fileName: "LICENSES.txt", source });
    },
  };
}

/**
 * What dockerode reads at once and nodoff never uses: building images (gRPC, protobuf) and engines by ssh, which the
 * configuration refuses. Left in, they cost a third of the start-up time and 20 MB of memory.
 */
function leaveOut(names: readonly string[]): Plugin {
  const empty = "\0left-out";
  return {
    name: "leave-out",
    resolveId: (source) => (names.includes(source) ? empty : null),
    load: (id) => (id === empty ? "module.exports = {};" : null),
  };
}

/** A page with a heavier one would be more than a page may weigh: `maxIconLength` of src/pages/icon.ts. */
const maxPathLength = 6_000;

/** What src/pages/icon-pack.ts finds icons in: the package's drawings and colours, without all else. */
function icons(): Plugin {
  return {
    name: "icons",
    generateBundle() {
      const light = Object.values(simpleIcons).filter(({ path }) => path.length <= maxPathLength);
      const source = light.map(({ slug, path, hex }) => `slug:"${slug}",path:"${path}",hex:"${hex}"\n`).join("");
      this.emitFile({ type: "asset", fileName: "icons.txt", source });
    },
  };
}

function notice(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8")) as {
    readonly name: string;
    readonly version: string;
    readonly license?: string;
  };
  const file = readdirSync(folder).find((entry) => /^(?:licen[cs]e|copying)/i.test(entry));
  const text = file === undefined ? "(ships no licence file)\n" : readFileSync(`${folder}/${file}`, "utf8");
  return `${name} ${version} (${license ?? "see below"})\n\n${text}`;
}

/**
 * The bundle: one file per entry and one per provider, so that an engine's library is read only where it is configured.
 * Everything lies flat in dist/, where src/cli/assets.ts looks for the demo's app; templates, dashboard, schema and
 * package.json stay one folder up.
 */
// oxlint-disable-next-line import/no-default-export -- rolldown reads its configuration from there
export default defineConfig({
  platform: "node",
  // As the image runs it: libraries leave out what is for their own developers.
  transform: { define: { "process.env.NODE_ENV": '"production"' } },
  input: { main: "src/main.ts", "demo-app": "src/cli/demo-app.ts" },
  plugins: [
    leaveOut(["ssh2", "@grpc/grpc-js", "@grpc/proto-loader", "protobufjs"]),
    dashboardLibrary(),
    licences(),
    icons(),
  ],
  output: {
    dir: "dist",
    // An ES module that imports node:http has Node look at each of its exports, which loads the whole of fetch: a fifth of
    // the start-up.
    format: "cjs",
    cleanDir: true,
    entryFileNames: "[name].cjs",
    chunkFileNames: "[name]-[hash].cjs",
    banner: "/*! nodoff: GPL-3.0-or-later. Bundled packages: LICENSES.txt. */",
    comments: { legal: true, annotation: false, jsdoc: false },
  },
});
