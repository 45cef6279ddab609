/** A label's part between two dots. */
export interface LabelNode {
  /** As the first of its labels spells it. */
  readonly name: string;
  /** What the label that ends here says; null = none does. */
  text: string | null;
  /** By lower-case name. */
  readonly children: Map<string, LabelNode>;
}

/** What Traefik's configuration is made of: it turns texts into numbers, booleans and lists itself. */
export type Plain = string | readonly Plain[] | PlainMap;
export type PlainMap = { readonly [key: string]: Plain };

export type TreeReading =
  | { readonly ok: true; readonly root: LabelNode }
  /** Traefik drops a container for such a label. */
  | { readonly ok: false; readonly key: string; readonly why: string };

const sections = ["traefik.http", "traefik.tcp", "traefik.udp", "traefik.tls.stores.default"];

/**
 * The labels that Traefik's providers read as one tree, by the rules of its parser: keys in any case, the first spelling
 * in the order of the keys names a node, `name[0]` is a list, an empty part makes the container invalid.
 */
export function toLabelTree(labels: Readonly<Record<string, string>>): TreeReading {
  const root: LabelNode = { name: "traefik", text: null, children: new Map() };
  const keys = Object.keys(labels).filter((key) => sections.some((prefix) => key.toLowerCase().startsWith(prefix)));
  for (const key of keys.sort(byCode)) {
    const [first, ...parts] = key.split(".");
    if (first !== "traefik") return { ok: false, key, why: `Traefik wants "traefik" in lower case` };
    let node = root;
    for (const part of parts.flatMap(toSteps)) {
      if (part === "") return { ok: false, key, why: "a part between two dots is empty" };
      node = childOf(node, part);
    }
    node.text = labels[key] ?? "";
  }
  return { ok: true, root };
}

/** By code points, as Go sorts: `localeCompare` would let another spelling name a node. */
function byCode(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function toSteps(part: string): readonly string[] {
  const bracket = part.endsWith("]") ? part.indexOf("[") : -1;
  return bracket > 0 ? [part.slice(0, bracket), part.slice(bracket)] : [part];
}

function childOf(node: LabelNode, name: string): LabelNode {
  const known = node.children.get(name.toLowerCase());
  if (known !== undefined) return known;
  const child: LabelNode = { name, text: null, children: new Map() };
  node.children.set(name.toLowerCase(), child);
  return child;
}

/** The node at a path of lower-case names. */
export function nodeAt(node: LabelNode | undefined, ...path: readonly string[]): LabelNode | undefined {
  return path.reduce<LabelNode | undefined>((at, name) => at?.children.get(name), node);
}

/** The text at a path; null where there is none. */
export function textAt(node: LabelNode | undefined, ...path: readonly string[]): string | null {
  return nodeAt(node, ...path)?.text ?? null;
}

/** The entries of a list as a label writes it: `a, b`. */
export function toList(text: string | null): readonly string[] {
  return (text ?? "")
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}

/** A node as JSON. A switch that is off (`tls=false`) stays off whatever else is said below it. */
export function toPlain({ text, children }: LabelNode): Plain {
  if (children.size === 0 || text?.toLowerCase() === "false") return text ?? "";
  const nodes = [...children.values()];
  if (nodes.every(({ name }) => name.startsWith("["))) return nodes.map(toPlain);
  return Object.fromEntries(nodes.map((child) => [child.name, toPlain(child)]));
}
