import { closest, distance } from "fastest-levenshtein";

/** ` (did you mean "x"?)` with the nearest of `known`, or nothing where none is near enough to be meant. */
export function didYouMean(word: string, known: readonly string[]): string {
  const normal = word.toLowerCase();
  if (normal === "" || known.length === 0) return "";
  const best = closest(
    normal,
    known.map((other) => other.toLowerCase()),
  );
  const longer = Math.max(normal.length, best.length);
  // Two letters swapped are two edits.
  const far = longer < 4 ? 1 : Math.max(2, Math.floor(longer / 3));
  if (distance(normal, best) > far) return "";
  return ` (did you mean "${known.find((other) => other.toLowerCase() === best)}"?)`;
}
