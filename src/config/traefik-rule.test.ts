import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { parseTraefikRule } from "./traefik-rule.ts";

function doorsOf(rule: string): string[] | string {
  const reading = parseTraefikRule(rule);
  return reading.ok ? reading.doors.map(({ host, path }) => `${host} ${path}`) : reading.why;
}

describe("parseTraefikRule", () => {
  for (const [rule, expected] of [
    ["Host(`a.example.com`)", ["a.example.com /"]],
    ['Host("A.Example.com")', ["a.example.com /"]],
    ["host(`a.x`)", ["a.x /"]],
    ["HOST ( `a.x` )", ["a.x /"]],
    ["Host(`a.x`, `b.x`)", ["a.x /", "b.x /"]],
    ["Host(`a.x`) || Host(`b.x`)", ["a.x /", "b.x /"]],
    ["Host(`a.x`) && PathPrefix(`/p`)", ["a.x /p"]],
    ["PathPrefix(`/p/`) && Host(`a.x`)", ["a.x /p"]],
    ["Host(`a.x`)&&PathPrefix(`/p`,`/q`)", ["a.x /p", "a.x /q"]],
    ["Host(`a.x`) || Host(`b.x`) && PathPrefix(`/p`)", ["a.x /", "b.x /p"]],
    ["(Host(`a.x`) || Host(`b.x`)) && PathPrefix(`/p`)", ["a.x /p", "b.x /p"]],
    ["((Host(`a.x`)))", ["a.x /"]],
    [
      "(Host(`a.x`) || Host(`b.x`)) && (PathPrefix(`/p`) || PathPrefix(`/q`))",
      ["a.x /p", "a.x /q", "b.x /p", "b.x /q"],
    ],
    ["PathPrefix(`/p`)", ["* /p"]],
    ["PathPrefix(`/`)", ["* /"]],
    ["Host(`a.x`) && PathPrefix(`/p`) && PathPrefix(`/p/q`)", ["a.x /p/q"]],
    ["Host(`a.x`) && PathPrefix(`/p`) && PathPrefix(`/pq`)", []],
    ["Host(`a.x`) && Host(`b.x`)", []],
    ["Host(`a.x`) && Host(`a.x`)", ["a.x /"]],
    ["Host(`a.x`) || Host(`a.x`)", ["a.x /"]],
    ["HostRegexp(`^.+\\.x$`)", "HostRegexp is not a host or path prefix"],
    ["Host(`a.x`) && Path(`/p`)", "Path is not a host or path prefix"],
    ["Host(`a.x`) && PathRegexp(`^/p`)", "PathRegexp is not a host or path prefix"],
    ["Host(`a.x`) && Method(`GET`)", "Method is not a host or path prefix"],
    ["Host(`a.x`) && Header(`X`, `y`)", "Header is not a host or path prefix"],
    ["Host(`a.x`) && !PathPrefix(`/p`)", "it excludes with !"],
    ["Host(`{sub:[a-z]+}.x`)", '"{sub:[a-z]+}.x" is not a host'],
    ["Host(`*.x`)", '"*.x" is not a host'],
    ["Host(`a.x`) && PathPrefix(`/{id}`)", '"/{id}" is not a plain path prefix'],
    ["Host(`a.x`) Host(`b.x`)", 'unexpected "Host"'],
    ["Host(`a.x`", "unexpected end"],
    ["(Host(`a.x`)", 'a ")" is missing'],
    ["Host(`a.x`))", 'unexpected ")"'],
    ["Host(`a.x`) &&", "unexpected end"],
    ["Host(a.x)", 'unexpected ".x)"'],
    ["Host('a.x')", "unexpected \"'a.x')\""],
    ["Host()", 'unexpected ")"'],
    ["Host", "unexpected end"],
    ["`a.x`", 'unexpected "a.x"'],
    ['Host("a\\n.x")', 'the escape in "a\\n.x"'],
    ["", "it is empty"],
    ["{{ .Name }}", 'unexpected "{{ .Name }}"'],
  ] as const) {
    it(`reads ${JSON.stringify(rule)}`, () => assert.deepEqual(doorsOf(rule), expected));
  }

  it("gives up on a rule that would become endless", () => {
    const any = `(${Array.from({ length: 40 }, (_, i) => `PathPrefix(\`/${i}\`)`).join(" || ")})`;
    assert.equal(doorsOf(`${any} && ${any}`), "it has too many alternatives");
  });

  it("matches a request exactly when the rule does", () => {
    type Rule = { text: string; matches: (host: string, path: string) => boolean };
    const under = (path: string, prefix: string) => prefix === "/" || path === prefix || path.startsWith(`${prefix}/`);
    const host = fc.constantFrom("a.x", "b.x", "c.x");
    const path = fc.constantFrom("/", "/p", "/p/q", "/r");
    const leaf: fc.Arbitrary<Rule> = fc.oneof(
      host.map((name) => ({ text: `Host(\`${name}\`)`, matches: (given: string) => given === name })),
      path.map((prefix) => ({
        text: `PathPrefix("${prefix}")`,
        matches: (_: string, given: string) => under(given, prefix),
      })),
    );
    const { rule } = fc.letrec<{ rule: Rule }>((tie) => ({
      rule: fc.oneof(
        { maxDepth: 3 },
        leaf,
        fc.tuple(tie("rule"), tie("rule")).map(([l, r]) => ({
          text: `(${l.text} && ${r.text})`,
          matches: (h: string, p: string) => l.matches(h, p) && r.matches(h, p),
        })),
        fc.tuple(tie("rule"), tie("rule")).map(([l, r]) => ({
          text: `(${l.text} || ${r.text})`,
          matches: (h: string, p: string) => l.matches(h, p) || r.matches(h, p),
        })),
      ),
    }));
    fc.assert(
      fc.property(rule, host, path, ({ text, matches }, name, at) => {
        const reading = parseTraefikRule(text);
        assert.ok(reading.ok);
        const found = reading.doors.some((door) => (door.host === "*" || door.host === name) && under(at, door.path));
        assert.equal(found, matches(name, at), text);
      }),
    );
  });

  it("never throws, whatever it is given", () => {
    const piece = fc.constantFrom(
      "Host",
      "(",
      ")",
      "`a.x`",
      '"',
      "`",
      "&&",
      "||",
      "!",
      ",",
      " ",
      "\\",
      "PathPrefix",
      "{",
    );
    fc.assert(fc.property(fc.array(piece), (pieces) => void parseTraefikRule(pieces.join(""))));
  });
});
