import { deepEqual, doesNotMatch, equal, match, notEqual, ok, throws } from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { NodoffError } from "../core/errors.ts";
import type { PageModel } from "../core/pages.ts";
import { createPages } from "./pages.ts";

const dir = join(import.meta.dirname, "../../templates");
const pages = createPages({ dir });

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
    message: null,
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
const dataOf = (text: string): Record<string, unknown> =>
  JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(text)?.[1] ?? "");
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
      message: hostile,
      route: hostile,
      icon: `data:image/png,"><b>`,
      kind: "failed",
    });
    equal(text.match(/<script/g)?.length, 2);
    doesNotMatch(text, /<script>alert|<!--|"><b>/);
    doesNotMatch(/id="data">(.*)/.exec(text)?.[1] ?? "", /\u2028/);
    equal(dataOf(text).route, hostile);
    ok(text.includes(`&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;!--&quot;&#39;&amp;`));
  });

  it("keep their dollars and braces", () => {
    match(html({ title: "$& {{kind}}" }), /<h1 id="heading">\$&amp; \{\{kind\}\} is waking up<\/h1>/);
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
    match(text, /id="retry" href="\/a"/);
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
      ok(text.includes(`id="retry" href="${href}"`));
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
    match(text, /<html lang="en" data-phase="loading">/);
    match(text, /<title>My blog is waking up<\/title>/);
  });

  it("a failure: the reason and when the next try may be", () => {
    const text = html({
      kind: "failed",
      state: "error",
      message: "The service ended unexpectedly",
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
      ok(html({ icon, title }).includes(`<div class="mark"><span aria-hidden="true">${mark}</span></div>`));
    });
  }

  it("an icon may be a drawing or an image", () => {
    match(html({ icon: "ghost" }), /<div class="mark"><svg /);
    match(
      html({ icon: "data:image/png;base64,AA==" }),
      /<div class="mark"><img src="data:image\/png;base64,AA==" alt="">/,
    );
  });
});

describe("themes", () => {
  function ownDir(t: TestContext, files: Readonly<Record<string, string>>): string {
    const own = mkdtempSync(join(tmpdir(), "nodoff-themes-"));
    t.after(() => rmSync(own, { recursive: true }));
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(join(own, name));
      writeFileSync(join(own, name, "page.html"), content);
    }
    return own;
  }

  it("are chosen by name, read once, and unknown ones are the default", (t) => {
    const own = ownDir(t, { default: "<p>{{heading}}", small: "<i>{{heading}}{{heading}}" });
    const themed = createPages({ dir: own });
    cpSync(join(own, "default"), join(own, "small"), { recursive: true, force: true });
    const show = (theme: string) => Buffer.from(themed.render(pageModel({ theme })).body).toString();
    equal(show("small"), "<i>My blog is waking upMy blog is waking up");
    equal(show("absent"), "<p>My blog is waking up");
  });

  it("an unknown slot, a missing default or folder is told as a mistake of the configuration", (t) => {
    const isConfigError = (error: unknown) => error instanceof NodoffError && error.code === "CONFIG_INVALID";
    const bad = ownDir(t, { default: "{{password}}" });
    throws(() => createPages({ dir: bad }), isConfigError);
    throws(() => createPages({ dir: ownDir(t, { small: "" }) }), isConfigError);
    throws(() => createPages({ dir: join(bad, "absent") }), isConfigError);
  });
});
