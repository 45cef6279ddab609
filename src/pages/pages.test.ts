import { deepEqual, doesNotMatch, equal, match, notEqual, ok, throws } from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { NodoffError } from "../core/errors.ts";
import { type PageModel, themeNames } from "../core/pages.ts";
import { titleByCode } from "../core/problem.ts";
import { maxIconLength } from "./icon.ts";
import { createPages } from "./pages.ts";
import { slots } from "./theme.ts";

const dir = join(import.meta.dirname, "../../templates");
const brands = join(import.meta.dirname, "../../node_modules/simple-icons/index.mjs");
const pages = createPages({ dir, brands });

function pageModel(over: Partial<PageModel> = {}): PageModel {
  return {
    kind: "loading",
    route: "blog",
    title: "My blog",
    icon: null,
    theme: "default",
    state: "starting",
    elapsedMs: 1_200,
    etaMs: 3_000,
    steps: [],
    failure: null,
    nextTryInMs: null,
    retryAfterS: 3,
    showLogs: false,
    link: "/posts?page=2&sort=new",
    redirectPath: null,
    language: null,
    replayable: true,
    ...over,
  };
}

const html = (over: Partial<PageModel> = {}): string => Buffer.from(pages.render(pageModel(over)).body).toString();
const scriptDataOf = (text: string): string =>
  /<script type="application\/json" id="nodoff-data">(.*?)<\/script>/s.exec(text)?.[1] ?? "";
const dataOf = (text: string): Record<string, unknown> =>
  (JSON.parse(scriptDataOf(text)) as { readonly page: Record<string, unknown> }).page;
const refreshOf = (text: string): string | undefined => /http-equiv="refresh" content="([^"]*)"/.exec(text)?.[1];

describe("what is sent with a page", () => {
  for (const [kind, status] of [
    ["loading", 503],
    ["failed", 503],
    ["gone", 503],
    ["forbidden", 403],
    ["quota", 429],
  ] as const) {
    it(`${kind} is a ${status} that nobody keeps, indexes or takes for the service`, () => {
      const { status: told, headers } = pages.render(pageModel({ kind, state: "error", retryAfterS: 4.2 }));
      equal(told, status);
      equal(headers["content-type"], "text/html; charset=utf-8");
      equal(headers["cache-control"], "no-store");
      equal(headers["x-robots-tag"], "noindex");
      equal(headers["x-nodoff-state"], "error");
      equal(headers["retry-after"], "5");
    });
  }

  it("allows only its own script and style, by a nonce of this answer, and any frame", () => {
    const policies = [1, 2].map(() => {
      const { headers, body } = pages.render(pageModel());
      const policy = headers["content-security-policy"] ?? "";
      const nonce = /script-src 'nonce-([\w-]{20,})'/.exec(policy)?.[1] ?? "";
      match(policy, /^default-src 'none';/);
      doesNotMatch(policy, /unsafe|frame-ancestors|\*/);
      const text = Buffer.from(body).toString();
      deepEqual(text.match(/nonce="[^"]*"/g), [`nonce="${nonce}"`, `nonce="${nonce}"`]);
      return policy;
    });
    notEqual(policies[0], policies[1]);
  });

  it("loads nothing from anywhere", () => {
    const text = html({ icon: "ghost" });
    doesNotMatch(text.replaceAll("http://www.w3.org/2000/svg", ""), /(?:src|href)="(?:https?:)?\/\//);
    doesNotMatch(text, /@import|url\(/);
    doesNotMatch(text, /\{\{/);
  });
});

describe("texts of others", () => {
  const hostile = `</script><script>alert(1)</script><!--"'&\u2028{{nonce}}$&$1`;

  it("are shown as text wherever they come from", () => {
    const text = html({
      title: hostile,
      failure: { code: "ENGINE_ERROR", detail: hostile },
      steps: [{ step: "dependency", state: "failed", name: hostile }],
      route: hostile,
      icon: `data:image/png,"><b>`,
      kind: "failed",
    });
    equal(text.match(/<script/g)?.length, 2);
    doesNotMatch(text, /<script>alert|<!--|"><b>/);
    doesNotMatch(scriptDataOf(text), /\u2028/);
    equal(dataOf(text).route, hostile);
    ok(text.includes(`&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;!--&quot;&#39;&amp;`));
  });

  it("keep their dollars and braces", () => {
    match(html({ title: "$& {{kind}}" }), /<h1 data-nodoff="heading">\$&amp; \{\{kind\}\} is waking up<\/h1>/);
  });
});

describe("without JavaScript", () => {
  it("asks again by itself, at the address asked for", () => {
    equal(refreshOf(html()), "3; url=&#39;/posts?page=2&amp;sort=new&#39;");
    match(html(), /<noscript><meta http-equiv="refresh"/);
  });

  it("asks for the page to go to where there is one, and never too often or too seldom", () => {
    equal(refreshOf(html({ redirectPath: "/home", retryAfterS: 0 })), "2; url=&#39;/home&#39;");
    equal(refreshOf(html({ retryAfterS: 300 })), "10; url=&#39;/posts?page=2&amp;sort=new&#39;");
  });

  it("goes back to the service where the page is shown elsewhere", () => {
    const text = html({ link: "https://blog.test/a", redirectPath: "/home" });
    equal(refreshOf(text), "3; url=&#39;https://blog.test/a&#39;");
    deepEqual([dataOf(text).asked, dataOf(text).leadTo], ["https://blog.test/a", "/home"]);
  });

  it("does not try a failed one again by itself, but offers the link", () => {
    const text = html({ kind: "failed", link: "/a" });
    equal(refreshOf(text), undefined);
    match(text, /data-nodoff="retry" href="\/a"/);
  });

  for (const [link, href] of [
    ["//evil.test/x", "/.//evil.test/x"],
    ["/\\evil.test/x", "/./\\evil.test/x"],
    ["/\t/evil.test", "/%09/evil.test"],
    ["javascript:alert(1)", "/"],
    ["evil.test", "/"],
    ["https:\\\\evil.test", "/"],
  ] as const) {
    it(`a client's path ${JSON.stringify(link)} does not lead off the site`, () => {
      const text = html({ kind: "failed", link });
      ok(text.includes(`data-nodoff="retry" href="${href}"`));
      equal(new URL(href, "https://blog.test/deep/").origin, "https://blog.test");
    });
  }

  it("a quote in the path does not end the address", () => {
    equal(refreshOf(html({ link: "/a'b;c,d" })), "3; url=&#39;/a%27b;c,d&#39;");
  });
});

describe("what a page shows", () => {
  it("names the service and its state in the document's language", () => {
    const text = html({ language: "fr;q=0.9, en-GB;q=0.8, *;q=0.1" });
    match(text, /<html lang="en" dir="ltr" data-phase="loading">/);
    match(text, /<title>My blog is waking up<\/title>/);
  });

  it("a failure: the reason and when the next try may be", () => {
    const text = html({
      kind: "failed",
      state: "error",
      failure: { code: "EXITED", detail: null },
      nextTryInMs: 5_000,
    });
    match(text, /data-phase="failed"/);
    match(text, /role="alert">The service ended unexpectedly</);
    equal(dataOf(text).nextTryInMs, 5_000);
  });

  it("says of a POST that it was not delivered", () => {
    match(html({ replayable: false }), /What you sent was not delivered/);
    doesNotMatch(html(), /What you sent was not delivered/);
  });

  for (const [icon, title, mark] of [
    [null, "émile", "É"],
    [null, "👩‍🚀 crew", "👩‍🚀"],
    [null, "", "•"],
    ["🎬", "Films", "🎬"],
    ["no-such-icon", "Films", "F"],
  ] as const) {
    it(`icon ${icon} of "${title}" is ${mark}`, () => {
      ok(
        html({ icon, title }).includes(
          `<div class="mark" data-nodoff="mark"><span aria-hidden="true">${mark}</span></div>`,
        ),
      );
    });
  }

  it("an icon may be a drawing or an image", () => {
    match(html({ icon: "ghost" }), /<div class="mark" data-nodoff="mark"><svg /);
    match(
      html({ icon: "data:image/png;base64,AA==" }),
      /<div class="mark" data-nodoff="mark"><img src="data:image\/png;base64,AA==" alt="">/,
    );
  });
});

describe("languages", () => {
  it("are chosen by Accept-Language, a dialect by its language, English where none fits", () => {
    const ask = (language: string | null) => pages.render(pageModel({ language })).headers["content-language"];
    deepEqual(
      ["de", "de-AT,de;q=0.9", "fr, de;q=0.2", "en;q=0.3, de;q=0.4", "DE-ch", "de;q=0", "ja", "", null, ";;q=x,,"].map(
        ask,
      ),
      ["de", "de", "de", "de", "de", "en", "en", "en", "en", "en"],
    );
    const text = html({ language: "de" });
    match(text, /<html lang="de"/);
    match(text, /<title>My blog wacht auf<\/title>/);
  });

  it("tell failures in their own words, and the engine's where those are shown", () => {
    const told = (detail: string | null) =>
      /role="alert">([^<]*)</.exec(html({ kind: "failed", language: "de", failure: { code: "EXITED", detail } }))?.[1];
    equal(told(null), "Der Dienst hat sich unerwartet beendet");
    equal(told("exit code 3"), "exit code 3");
  });

  for (const file of readdirSync(join(dir, "languages")).filter((name) => name !== "en.json")) {
    it(`${file} says all that pages say, and every failure`, () => {
      const read = (name: string) =>
        JSON.parse(readFileSync(join(dir, "languages", name), "utf8")) as Record<string, unknown>;
      deepEqual(Object.keys(read(file)), Object.keys(read("en.json")));
      const untold = Object.keys(titleByCode).filter((code) => !Object.hasOwn(read(file)["problems"] as object, code));
      deepEqual(
        untold.filter((code) => told.has(code)),
        [],
      );
    });
  }
});

/** Failures of wakes and of engines: what a page may have to tell. */
const told = new Set([
  "WAKE_TIMEOUT",
  "EXITED",
  "STOPPED_OUTSIDE",
  "DEPENDENCY_FAILED",
  "GONE",
  "PROVIDER_UNAVAILABLE",
  "PROVIDER_FORBIDDEN",
  "ENGINE_ERROR",
  "PORT_CONFLICT",
  "BAD_COMMAND",
  "NETWORK_MISSING",
  "NO_SHARED_NETWORK",
  "NO_PORT",
  "REFUSED",
  "SHUTTING_DOWN",
  "INTERNAL",
]);

describe("steps", () => {
  const steps: PageModel["steps"] = [
    { step: "dependency", state: "done", name: "Database" },
    { step: "dependencies", state: "now", done: 1, all: 3 },
    { step: "starting", state: "waiting" },
  ];

  it("stand in the page from the start, in words, for who has no JavaScript, too", () => {
    const rows = [...html({ steps }).matchAll(/<li data-step="(\w+)" data-state="(\w+)".*?class="words">([^<]*)</g)];
    deepEqual(
      rows.map(([, ...row]) => row),
      [
        ["dependency", "done", "Database"],
        ["dependencies", "now", "What it needs: 1 of 3"],
        ["starting", "waiting", "Starting"],
      ],
    );
    equal(html({ steps }).match(/aria-current="step"/g)?.length, 1);
  });

  it("are shown of a failure only where one of them failed", () => {
    doesNotMatch(html({ kind: "failed", steps }), /<ol/);
    match(html({ kind: "failed", steps: [{ step: "starting", state: "failed" }] }), /data-state="failed"/);
  });
});

describe("icons", () => {
  const tileOf = (icon: string) => /--tile: ([^;]*);/.exec(html({ icon }))?.[1];

  for (const name of ["jellyfin", "Jellyfin", "si-jellyfin", "sh-jellyfin", "jellyfin.svg"]) {
    it(`"${name}" is the brand's, on its colour`, () => {
      match(
        html({ icon: name }),
        /<div class="mark" data-nodoff="mark"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M/,
      );
      equal(tileOf(name), "#00A4DC");
    });
  }

  it("are found as selfh.st spells them", () => equal(tileOf("home-assistant"), "#18BCF2"));

  it("stand in a page once: the script makes the favicon", () => {
    const path = /<path d="(.{60})/.exec(html({ icon: "jellyfin" }))?.[1] ?? "none";
    equal(html({ icon: "jellyfin" }).split(path).length, 2);
  });

  it("that cannot be shown are told, and are a letter", (t) => {
    const own = mkdtempSync(join(tmpdir(), "nodoff-icons-"));
    t.after(() => rmSync(own, { recursive: true }));
    writeFileSync(join(own, "small.svg"), "<svg/>");
    writeFileSync(join(own, "big.png"), Buffer.alloc(9_000));
    writeFileSync(join(own, "text.txt"), "secret");
    const judge = (value: string) => createPages({ dir, brands }).use([{ kind: "icon", value }])[0]?.message ?? null;
    deepEqual(["moon", "gitea", "🎬", "data:image/png;base64,AA==", join(own, "small.svg")].map(judge), [
      null,
      null,
      null,
      null,
      null,
    ]);
    match(judge(join(own, "big.png")) ?? "", /^the icon is too big: 12\.0 kB, at most 7\.0 kB$/);
    for (const value of [join(own, "text.txt"), join(own, "absent.svg")]) {
      match(judge(value) ?? "", /is not an image that can be read/);
      match(html({ icon: value, title: "Films" }), /data-nodoff="mark"><span aria-hidden="true">F</);
    }
    match(judge("no-such-brand") ?? "", /^"no-such-brand" is neither an icon of Simple Icons nor one of moon, box/);
    match(html({ icon: join(own, "small.svg") }), /<img src="data:image\/svg\+xml;base64,PHN2Zy8\+" alt="">/);
  });
});

function ownTheme(t: TestContext, files: Readonly<Record<string, string>>): string {
  const own = mkdtempSync(join(tmpdir(), "nodoff-theme-"));
  t.after(() => rmSync(own, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(own, name)), { recursive: true });
    writeFileSync(join(own, name), content);
  }
  return own;
}
const using = (theme: string) => {
  const own = createPages({ dir, brands: null });
  const [problem] = own.use([{ kind: "theme", value: theme }]);
  const show = (over: Partial<PageModel> = {}) =>
    Buffer.from(own.render(pageModel({ theme, ...over })).body).toString();
  return { problem: problem?.message ?? null, show, own };
};

describe("themes", () => {
  it("are those that are named in the code", () => {
    const folders = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    deepEqual(
      folders
        .map(({ name }) => name)
        .filter((name) => name !== "languages")
        .sort(),
      [...themeNames].sort(),
    );
  });

  const whole = (body: string) => `<html>{{head}}<body>${body}{{script}}`;

  it("of one's own are a folder: a page", (t) => {
    const page = whole("<p>{{heading}} {{text.retry}} {{language}}{{#logs}}<b>{{/logs}}");
    const { problem, show } = using(ownTheme(t, { "page.html": page, "style.css": "p { color: red }" }));
    equal(problem, null);
    match(show(), /p \{ color: red \}\n<\/style><body><p>My blog is waking up Try again en<script/);
    match(show({ showLogs: true, language: "de" }), /<p>My blog wacht auf Noch einmal versuchen de<b>/);
    doesNotMatch(show(), /breathe/);
  });

  it("or a style alone, after that of default, or a language", (t) => {
    const { problem, show } = using(
      ownTheme(t, { "style.css": "h1 { color: red }", "languages/fr.json": '{ "loading": "{name} se réveille" }' }),
    );
    equal(problem, null);
    match(show(), /breathe[^]*h1 \{ color: red \}\n<\/style>/);
    match(show({ language: "fr-CA" }), /<html lang="fr"[^]*<h1[^>]*>My blog se réveille<[^]*>Try again</);
  });

  for (const [what, files, message] of [
    [
      "an unknown slot",
      { "page.html": `${"\n".repeat(2)}{{head}}{{script}} {{password}}` },
      /:?\d+:\d+ \{\{password\}\} is not a slot/,
    ],
    ["a section that ends nowhere", { "page.html": whole("{{#logs}}") }, /\{\{#logs\}\} is not closed/],
    ["a section that begins nowhere", { "page.html": whole("{{/logs}}") }, /\{\{\/logs\}\} closes nothing/],
    ["no head", { "page.html": "{{script}}" }, /page\.html has no \{\{head\}\}/],
    ["no script", { "page.html": "{{head}}" }, /page\.html has no \{\{script\}\}/],
    ["nothing in it", { "readme.txt": "" }, /has neither page\.html nor style\.css nor languages/],
    ["an unknown text", { "languages/fr.json": '{ "lodaing": "x" }' }, /fr\.json: "lodaing" is not a text of pages/],
    ["a text with an unknown value", { "languages/fr.json": '{ "loading": "{nom}" }' }, /"loading" has no \{nom\}/],
    ["a language that is no JSON", { "languages/fr.json": "{" }, /fr\.json: /],
    ["a language that is none", { "languages/français.json": "{}" }, /"français" is not a language/],
  ] as const) {
    it(`with ${what} are told, and shown as default`, (t) => {
      const { problem, show } = using(ownTheme(t, files));
      match(problem ?? "", message);
      match(show(), /<h1 data-nodoff="heading">My blog is waking up</);
    });
  }

  it("that are not there are told, once per place, and read anew at the next configuration", (t) => {
    match(using("terminl").problem ?? "", /^"terminl" is not a theme \(default, terminal, minimal, or a folder/);
    const folder = ownTheme(t, { "page.html": whole("one") });
    const { own, show } = using(folder);
    match(show(), /one/);
    writeFileSync(join(folder, "page.html"), whole("two"));
    match(show(), /one/);
    const places = [1, 2].map((place) => ({ kind: "theme" as const, value: folder, place }));
    deepEqual(own.use(places), []);
    match(show(), /two/);
    rmSync(join(folder, "page.html"));
    deepEqual(
      own.use(places).map(({ of }) => of.place),
      [1, 2],
    );
  });

  it("a folder without the shipped pages is a mistake of the installation", () => {
    throws(
      () => createPages({ dir: join(dir, "absent"), brands: null }),
      (error: unknown) => error instanceof NodoffError && error.code === "CONFIG_INVALID",
    );
  });
});

describe("docs/pages.md", () => {
  const text = readFileSync(join(dir, "../docs/pages.md"), "utf8");
  const blockOf = (kind: string) => new RegExp(`\`\`\`${kind}\\n([^]*?)\`\`\``).exec(text)?.[1] ?? "";

  it("shows a page that is a theme", (t) => {
    const { problem, show } = using(ownTheme(t, { "page.html": blockOf("html") }));
    equal(problem, null);
    match(show({ failure: { code: "EXITED", detail: null } }), /<p role="alert">The service ended unexpectedly<\/p>/);
  });

  it("names every slot and every drawing", () => {
    const inner = new Set<string>(["favicon", "refresh", "data"]);
    for (const slot of slots) if (!inner.has(slot)) match(text, new RegExp(`^\\|[^|]*\`${slot}\`[^|]*\\|`, "m"), slot);
    const named = /a drawing: (.*)$/m.exec(text)?.[1]?.match(/[a-z]+/g) ?? [];
    const problem = createPages({ dir, brands: null }).use([{ kind: "icon", value: "no-such-icon" }])[0]?.message ?? "";
    equal(/nor one of (.*); an image/.exec(problem)?.[1], named.join(", "));
  });
});

describe("weight", () => {
  // The heaviest of the icons there are: none is bigger (rolldown.config.ts, `maxIconLength`).
  const icon = `data:image/svg+xml,${"x".repeat(maxIconLength - 19)}`;
  const steps: PageModel["steps"] = Array.from({ length: 6 }, () => ({
    step: "dependency",
    state: "now",
    name: "x".repeat(40),
  }));
  for (const theme of themeNames) {
    for (const language of readdirSync(join(dir, "languages")).map((name) => name.slice(0, -5))) {
      it(`${theme} in ${language} is at most 30 kB with its headers`, (t) => {
        const weigh = (over: Partial<PageModel>): number => {
          const { headers, body } = pages.render(pageModel({ theme, language, showLogs: true, steps, ...over }));
          return JSON.stringify(headers).length + body.byteLength;
        };
        const [plain, heavy] = [weigh({}), weigh({ icon })];
        t.diagnostic(`${theme} ${language}: ${plain} bytes, ${heavy} with the biggest icon`);
        ok(heavy <= 30_000, `${heavy}`);
      });
    }
  }
});
