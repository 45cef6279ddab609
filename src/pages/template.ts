/** A page prepared once: only what differs between two answers is made per answer. */
export interface Template<Slot extends string> {
  /** Values are inserted as they are: escape them first. */
  fill(values: Readonly<Record<Slot, string>>): Buffer;
}

/**
 * Prepares a page with `{{slot}}` marks, each at most any number of times. Throws a plain Error that names a mark
 * which is none of `slots`.
 */
export function toTemplate<Slot extends string>(source: string, slots: readonly Slot[]): Template<Slot> {
  const isSlot = (name: string): name is Slot => slots.some((slot) => slot === name);
  // Odd places of a split by a capturing expression are what was captured.
  const parts = source.split(/\{\{([a-z_]+)\}\}/).map((part, place) => {
    if (place % 2 === 0) return Buffer.from(part);
    if (!isSlot(part)) throw new Error(`{{${part}}} is not a slot of a page`);
    return part;
  });
  return {
    fill: (values) => Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(values[part]) : part))),
  };
}
