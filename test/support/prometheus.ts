export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Exposition {
  /** Type by family name. */
  readonly types: ReadonlyMap<string, string>;
  readonly series: readonly Series[];
  /** The value of the series with exactly these labels; undefined = no such line. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined;
}

const linePattern = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const labelPattern = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/g;

/** Reads the Prometheus text format 0.0.4; throws on a line it cannot read and on a series that appears twice. */
export function parseExposition(text: string): Exposition {
  const types = new Map<string, string>();
  const byKey = new Map<string, Series>();
  for (const line of text.split("\n")) {
    if (line.startsWith("# TYPE ")) readType(line, types);
    if (line === "" || line.startsWith("#")) continue;
    const series = readSeries(line);
    const key = keyOf(series.name, series.labels);
    if (byKey.has(key)) throw new Error(`appears twice: ${line}`);
    byKey.set(key, series);
  }
  return {
    types,
    series: [...byKey.values()],
    value: (name, labels = {}) => byKey.get(keyOf(name, labels))?.value,
  };
}

function readType(line: string, types: Map<string, string>): void {
  const [, , name = "", type = ""] = line.split(" ");
  if (types.has(name)) throw new Error(`second TYPE of ${name}`);
  types.set(name, type);
}

function readSeries(line: string): Series {
  const [, name, labelText = "", value] = linePattern.exec(line) ?? [];
  if (name === undefined) throw new Error(`not a sample: ${line}`);
  const labels: Record<string, string> = {};
  let read = 0;
  for (const [match, key = "", raw = ""] of labelText.matchAll(labelPattern)) {
    labels[key] = raw.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
    read += match.length;
  }
  if (read !== labelText.length) throw new Error(`labels cannot be read: ${line}`);
  return { name, labels, value: Number(value === "+Inf" ? "Infinity" : value) };
}

function keyOf(name: string, labels: Readonly<Record<string, string>>): string {
  return JSON.stringify([name, Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}
