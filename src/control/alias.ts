/** What an alias may look like; anything else is unknown without a look. */
const aliasPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

/** A parameter of the path as an alias; null = none can be meant. */
export function toAlias(param: unknown): string | null {
  return typeof param === "string" && aliasPattern.test(param) ? param : null;
}
