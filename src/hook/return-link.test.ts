import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { routeSpec } from "../../test/support/specs.ts";
import { toReturnLink } from "./return-link.ts";

const blog = routeSpec({ hosts: ["blog.test", "*.apps.test"], path: "/blog" });

describe("return addresses that are followed", () => {
  for (const [value, expected = value] of [
    ["https://blog.test/blog"],
    ["http://blog.test:8080/blog/post?q=https://evil.test/#top"],
    ["https://BLOG.test./blog/", "https://blog.test./blog/"],
    ["https://a.apps.test/blog/x"],
    ["https://blog.test/blog/../blog/x", "https://blog.test/blog/x"],
    ["https://blog.test/blog/user@host"],
    ["https://blog.test/blog?next=//evil.test"],
  ] as const) {
    it(value, () => equal(toReturnLink(value, blog, "nodoff.test"), expected));
  }
});

describe("open redirects that are refused", () => {
  for (const value of [
    null,
    "",
    "/blog",
    "blog.test/blog",
    "//blog.test/blog",
    "//evil.test/blog",
    "///evil.test/blog",
    "https:/evil.test/blog",
    "https:evil.test/blog",
    "https:///evil.test/blog",
    "https://evil.test/blog",
    "https://evil.test\\@blog.test/blog",
    "https://evil.test\\.blog.test/blog",
    "https:\\\\evil.test/blog",
    "https://blog.test\\@evil.test/blog",
    "https://blog.test@evil.test/blog",
    "https://user:pass@blog.test/blog",
    "https://@blog.test/blog",
    "https://:@blog.test/blog",
    "https://blog.test.evil.test/blog",
    "https://evil-blog.test/blog",
    "https://a.b.apps.test/blog",
    "https://apps.test/blog",
    "javascript://blog.test/blog%0aalert(1)",
    "javascript:alert(1)",
    "data:text/html,x",
    "ftp://blog.test/blog",
    "https://blog.test/",
    "https://blog.test/blogger",
    "https://blog.test/blog/../admin",
    "https://blog.test/blog/%2e%2e/admin",
    " https://blog.test/blog",
    "https://blog.test/blog x",
    "ht\ttps://blog.test/blog",
    "https://evil.test\t/blog",
    "https://blog.test/blog\nLocation: x",
    "https://blog.test/\u0000blog",
    "https://blog.test/blog\u0085",
    "https://[/blog",
    "https://blog.test:99999/blog",
    "https://xn--/blog",
    "https://blog。test.evil.test/blog",
  ]) {
    it(JSON.stringify(value), () => equal(toReturnLink(value, blog, "nodoff.test"), null));
  }

  it("whatever is sent: what is followed leads to a host of the route, under its path", () => {
    const part = fc.constantFrom(
      "https:",
      "http:",
      "/",
      "//",
      "\\",
      "@",
      ":",
      "blog.test",
      "evil.test",
      "/blog",
      "..",
      "#",
      "?",
      "%2f",
      ".",
      "\t",
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 9 }), (parts) => {
        const link = toReturnLink(parts.join(""), blog, "nodoff.test");
        if (link === null) return true;
        const { protocol, hostname, pathname, username } = new URL(link);
        return (
          /^https?:$/.test(protocol) &&
          hostname.replace(/\.$/, "") === "blog.test" &&
          username === "" &&
          /^\/blog(\/|$)/.test(pathname)
        );
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("a route for all hosts names none", () => {
  for (const hosts of [["*"], [], ["*", "blog.test"]]) {
    it(`hosts ${JSON.stringify(hosts)}: only the host that was asked is its own`, () => {
      const route = routeSpec({ hosts });
      equal(toReturnLink("https://evil.test/", route, "nodoff.test"), null);
      equal(toReturnLink("https://nodoff.test:8443/x", route, "nodoff.test"), "https://nodoff.test:8443/x");
    });
  }
});
