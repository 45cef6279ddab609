const mark: unique symbol = Symbol("loose");

/**
 * Text whose form its key decides: a label's value, or a scalar of the file that held a `${VAR}`. `broken` carries the
 * reason why there is no text; it is only reported where a key reads it, so unused templates stay silent.
 */
export interface Loose {
  readonly [mark]: "label" | "expanded" | "broken";
  readonly text: string;
}

/** A label's value: lists and maps may be written as YAML in it. */
export function labelText(text: string): Loose {
  return { [mark]: "label", text };
}

/** What `${VAR}` left: never read as YAML, so that a variable cannot bring structure into the file. */
export function expandedText(text: string): Loose {
  return { [mark]: "expanded", text };
}

/** A value that could not be made; `reason` becomes the error of the key that needs it. */
export function brokenText(reason: string): Loose {
  return { [mark]: "broken", text: reason };
}

/** Another text from the same source. */
export function withText(loose: Loose, text: string): Loose {
  return { [mark]: loose[mark], text };
}

export function isLoose(value: unknown): value is Loose {
  return typeof value === "object" && value !== null && mark in value;
}

export function isLabelText(value: Loose): boolean {
  return value[mark] === "label";
}

export function isBroken(value: Loose): boolean {
  return value[mark] === "broken";
}
