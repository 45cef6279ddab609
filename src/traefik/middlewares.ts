import { type LabelNode, nodeAt, textAt, toList } from "./label-tree.ts";

/** What a middleware does to a request, as far as its place beside nodoff's matters. */
export type MiddlewareKind =
  /** nodoff's own: the router asks already. */
  | "ours"
  /** It decides who may go on, or may do so: nobody can look into another provider's. */
  | "guard"
  /** It changes the address that nodoff should see as the client sent it. */
  | "rewrite"
  /** It would replace nodoff's own 503. */
  | "cover"
  | "other";

/** Definitions by name, from the labels of all containers. */
export type Definitions = ReadonlyMap<string, LabelNode>;

const guards = new Set([
  "basicauth",
  "digestauth",
  "forwardauth",
  "ipallowlist",
  "ipwhitelist",
  "ratelimit",
  "redirectregex",
  "redirectscheme",
  "encodedcharacters",
  "plugin",
]);
const rewrites = new Set(["addprefix", "replacepath", "replacepathregex", "stripprefix", "stripprefixregex"]);
const covers = new Set(["errors", "circuitbreaker"]);

/** The middleware the kits call `nodoff`, whichever provider has it. */
export const ownMiddleware = "nodoff";
const ownAddress = /\/auth\/traefik(?:\?|$)/;
const maxDepth = 8;

/** What the middleware a router names does; `name` may end in `@provider`. */
function kindOf(name: string, definitions: Definitions, depth = 0): MiddlewareKind {
  const [plain = "", provider = "docker"] = name.split("@");
  if (plain === ownMiddleware) return "ours";
  const node = provider === "docker" ? definitions.get(plain) : undefined;
  if (node === undefined) return "guard";
  if (ownAddress.test(textAt(node, "forwardauth", "address") ?? "")) return "ours";
  const chained = nodeAt(node, "chain", "middlewares");
  if (chained !== undefined && depth < maxDepth) {
    const kinds = new Set(toList(chained.text).map((each) => kindOf(each, definitions, depth + 1)));
    return precedence.find((kind) => kinds.has(kind)) ?? "other";
  }
  const types = [...node.children.keys()];
  if (types.some((type) => guards.has(type))) return "guard";
  if (types.some((type) => rewrites.has(type))) return "rewrite";
  return types.some((type) => covers.has(type)) ? "cover" : "other";
}

/** What a chain is, of what is in it. */
const precedence: readonly MiddlewareKind[] = ["ours", "guard", "rewrite", "cover", "other"];

export interface Placement {
  readonly middlewares: readonly string[];
  /** What would be better in another order, for people. */
  readonly warnings: readonly string[];
}

/**
 * A router's middlewares with nodoff's among them: directly behind the last that may refuse somebody (a login, an
 * address list, a redirect, any of another provider), so that strangers wake nothing, and before all others, so that it
 * sees the address as it was asked for. Where a router asks nodoff already, its own order stands.
 */
export function withNodoff(list: readonly string[], definitions: Definitions, name: string): Placement {
  const kinds = list.map((each) => kindOf(each, definitions));
  if (kinds.includes("ours")) return { middlewares: list, warnings: [] };
  const at = kinds.lastIndexOf("guard") + 1;
  const warnings = list.slice(0, at).flatMap((each, index) => {
    if (kinds[index] === "rewrite")
      return [`"${each}" changes the path before nodoff sees it: put it behind "${list[at - 1] ?? ""}"`];
    if (kinds[index] === "cover")
      return [`"${each}" would replace nodoff's page: put it behind "${list[at - 1] ?? ""}"`];
    return [];
  });
  return { middlewares: [...list.slice(0, at), name, ...list.slice(at)], warnings };
}
