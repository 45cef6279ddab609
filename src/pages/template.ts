/** A page prepared once: only what differs between two answers is made per answer. */
export interface Template<Slot extends string> {
  /** Values are inserted as they are: escape them first. */
  fill(values: Readonly<Record<Slot, string>>): Buffer;
}

export interface TemplateMarks<Slot extends string> {
  /** Filled in per answer. */
  readonly slots: readonly Slot[];
  /** Filled in now, as they are. */
  readonly constants: ReadonlyMap<string, string>;
}

type Part<Slot> =
  | { readonly kind: "bytes"; readonly bytes: Buffer }
  | { readonly kind: "slot"; readonly slot: Slot }
  | { readonly kind: "section"; readonly slot: Slot; readonly parts: readonly Part<Slot>[] };

type Piece<Slot> = string | Exclude<Part<Slot>, { readonly kind: "bytes" }>;

/**
 * Prepares a page with `{{slot}}` marks, each any number of times, and `{{#slot}}…{{/slot}}`, which is left out where the
 * slot is empty. Throws a plain Error with line and column at a mark that is not known or closes nothing.
 */
export function toTemplate<Slot extends string>(
  source: string,
  { slots, constants }: TemplateMarks<Slot>,
): Template<Slot> {
  const isSlot = (name: string): name is Slot => slots.some((slot) => slot === name);
  const whole: Piece<Slot>[] = [];
  const open: { readonly slot: Slot; readonly pieces: Piece<Slot>[] }[] = [];
  const add = (piece: Piece<Slot>): void => void (open.at(-1)?.pieces ?? whole).push(piece);
  let end = 0;
  for (const { 0: mark, 1: sign = "", 2: name = "", index } of source.matchAll(/\{\{([#/]?)([^{}]*)\}\}/g)) {
    add(source.slice(end, index));
    end = index + mark.length;
    const constant = sign === "" ? constants.get(name) : undefined;
    if (constant !== undefined) add(constant);
    else if (!isSlot(name)) throw new Error(`${toPlace(source, index)} ${mark} is not a slot of a page`);
    else if (sign === "") add({ kind: "slot", slot: name });
    else if (sign === "#") open.push({ slot: name, pieces: [] });
    else {
      const section = open.pop();
      if (section?.slot !== name) throw new Error(`${toPlace(source, index)} ${mark} closes nothing`);
      add({ kind: "section", slot: name, parts: toParts(section.pieces) });
    }
  }
  const [unclosed] = open;
  if (unclosed !== undefined) throw new Error(`{{#${unclosed.slot}}} is not closed`);
  add(source.slice(end));
  const parts = toParts(whole);
  return { fill: (values) => Buffer.concat(parts.flatMap((part) => toBytes(part, values))) };
}

/** Text that stands together becomes one piece of bytes. */
function toParts<Slot extends string>(pieces: readonly Piece<Slot>[]): readonly Part<Slot>[] {
  const parts: Part<Slot>[] = [];
  let text = "";
  for (const piece of [...pieces, null]) {
    if (typeof piece === "string") {
      text += piece;
      continue;
    }
    if (text !== "") parts.push({ kind: "bytes", bytes: Buffer.from(text) });
    text = "";
    if (piece !== null) parts.push(piece);
  }
  return parts;
}

function toBytes<Slot extends string>(part: Part<Slot>, values: Readonly<Record<Slot, string>>): readonly Buffer[] {
  switch (part.kind) {
    case "bytes":
      return [part.bytes];
    case "slot":
      return [Buffer.from(values[part.slot])];
    case "section":
      return values[part.slot] === "" ? [] : part.parts.flatMap((inner) => toBytes(inner, values));
  }
}

function toPlace(source: string, index: number): string {
  const before = source.slice(0, index).split("\n");
  return `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}
