import { LineCounter, isAlias, isMap, isNode, isScalar, isSeq, parseDocument } from "yaml";
import type { Alias, Node, Pair, YAMLMap } from "yaml";
import type { KeyPath } from "./findings.ts";
import type { Loose } from "./loose.ts";

/** Where something stands in the text; both count from 1. */
interface Place {
  readonly line: number;
  readonly column: number;
}

/** Something wrong with the YAML itself. `path` is empty where it belongs to no key. */
interface YamlProblem extends Place {
  readonly path: KeyPath;
  readonly message: string;
}

/** A YAML text as plain maps, lists and scalars, with every key's place. */
export interface YamlTree {
  readonly value: unknown;
  readonly problems: readonly YamlProblem[];
  /** Place of the key (or list item) at `path`, or of the nearest key above that exists. */
  place(path: KeyPath): Place;
}

type Container = Record<string, unknown> | unknown[];

interface Walk {
  /** Nodes by anchor, as met so far: an alias means the latest one before it. */
  readonly anchors: Map<string, Node>;
  readonly expand: (text: string) => string | Loose;
  readonly offsets: WeakMap<Container, Map<string, number>>;
  readonly report: (path: KeyPath, offset: number, message: string) => void;
  nodes: number;
}

const deepest = 100;
// Aliases can make a small text endless ("billion laughs").
const mostNodes = 2_000_000;

/**
 * Reads YAML 1.2 with `<<` merges and aliases. `expand` is asked about every text scalar. Keys are kept as text; a key
 * given twice is a problem, not a silent loss.
 */
export function readYaml(text: string, expand: (text: string) => string | Loose): YamlTree {
  const lines = new LineCounter();
  const document = parseDocument(text, { merge: true, uniqueKeys: false, prettyErrors: false, lineCounter: lines });
  const problems: YamlProblem[] = [];
  const toPlace = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const offsets = new WeakMap<Container, Map<string, number>>();
  for (const { pos, message } of [...document.errors, ...document.warnings])
    problems.push({ path: [], message, ...toPlace(pos[0]) });
  const walk: Walk = {
    anchors: new Map(),
    expand,
    offsets,
    report: (path, offset, message) => void problems.push({ path, message, ...toPlace(offset) }),
    nodes: 0,
  };
  const value = document.errors.length > 0 ? undefined : toValue(document.contents, [], walk);
  return { value, problems, place: (path) => toPlace(toOffset(value, path, offsets)) };
}

function toOffset(value: unknown, path: KeyPath, offsets: Walk["offsets"]): number {
  let offset = 0;
  let current = value;
  for (const key of path) {
    if (typeof current !== "object" || current === null) break;
    const found = offsets.get(current as Container)?.get(String(key));
    if (found === undefined) break;
    offset = found;
    current = Reflect.get(current, key);
  }
  return offset;
}

function toValue(node: unknown, path: KeyPath, walk: Walk): unknown {
  if (!isBounded(node, path, walk)) return null;
  if (isAlias(node)) return toValue(toTarget(node, path, walk), path, walk);
  if (isNode(node) && "anchor" in node && node.anchor !== undefined) walk.anchors.set(node.anchor, node);
  if (isMap(node)) return toMap(node, path, walk);
  if (isSeq(node)) return toList(node.items, path, walk);
  if (!isScalar(node)) return null;
  return typeof node.value === "string" ? walk.expand(node.value) : node.value;
}

function isBounded(node: unknown, path: KeyPath, walk: Walk): boolean {
  if (walk.nodes > mostNodes) return false;
  walk.nodes = path.length > deepest ? mostNodes + 1 : walk.nodes + 1;
  if (walk.nodes <= mostNodes) return true;
  walk.report(path, offsetOf(node), "is nested too deeply, or an alias repeats itself");
  return false;
}

/** The library's own lookup walks the whole document per alias: too slow for one template used 10,000 times. */
function toTarget(alias: Alias, path: KeyPath, walk: Walk): Node | null {
  const target = walk.anchors.get(alias.source);
  if (target === undefined) walk.report(path, offsetOf(alias), `*${alias.source} has no anchor above it`);
  return target ?? null;
}

function toList(items: readonly unknown[], path: KeyPath, walk: Walk): unknown[] {
  const places = new Map<string, number>();
  const list = items.map((item, index) => {
    places.set(String(index), offsetOf(item));
    return toValue(item, [...path, index], walk);
  });
  walk.offsets.set(list, places);
  return list;
}

function toMap(node: YAMLMap, path: KeyPath, walk: Walk): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  const places = new Map<string, number>();
  walk.offsets.set(result, places);
  const merges: Pair[] = [];
  for (const pair of node.items) {
    if (isMerge(pair)) merges.push(pair);
    else addPair(pair, { result, places, path, walk, own: true });
  }
  for (const merge of merges) addMerge(merge.value, { result, places, path, walk, own: false });
  return result;
}

interface Filling {
  readonly result: Record<string, unknown>;
  readonly places: Map<string, number>;
  readonly path: KeyPath;
  readonly walk: Walk;
  /** Own keys must be given once; merged ones give way to what is there. */
  readonly own: boolean;
}

function addPair(pair: Pair, { result, places, path, walk, own }: Filling): void {
  const offset = offsetOf(pair.key);
  if (!isScalar(pair.key)) return walk.report(path, offset, "a key must be text");
  const key = String(pair.key.value);
  if (key === "__proto__") return walk.report([...path, key], offset, "this key is not allowed");
  if (places.has(key)) {
    if (own) walk.report([...path, key], offset, "is given twice");
    return;
  }
  places.set(key, offset);
  result[key] = toValue(pair.value, [...path, key], walk);
}

function addMerge(source: unknown, filling: Filling): void {
  const { walk, path } = filling;
  const node: unknown = isAlias(source) ? toTarget(source, path, walk) : source;
  if (isSeq(node)) {
    for (const item of node.items) addMerge(item, filling);
    return;
  }
  if (node === null) return;
  if (!isMap(node)) return walk.report(path, offsetOf(source), "<< needs a map");
  if (!isBounded(source, path, walk)) return;
  for (const pair of node.items) {
    if (isMerge(pair)) addMerge(pair.value, { ...filling, path: [...path, "<<"] });
    else addPair(pair, filling);
  }
}

function isMerge(pair: Pair): boolean {
  return (
    isScalar(pair.key) && (typeof pair.key.value === "symbol" || (pair.key.value === "<<" && pair.key.type === "PLAIN"))
  );
}

function offsetOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}
