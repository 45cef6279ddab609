const shownMs = 5_000;
const shownBadMs = 12_000;

/**
 * Says something in the corner, and to screen readers, for a while.
 * @param {string} text
 * @param {{ readonly isBad?: boolean }} [options]
 */
export function note(text, { isBad = false } = {}) {
  const place = document.getElementById("notes");
  if (place === null) return;
  const line = document.createElement("p");
  line.className = isBad ? "note is-bad" : "note";
  line.textContent = text;
  place.append(line);
  while (place.childElementCount > 3) place.firstElementChild?.remove();
  setTimeout(() => line.remove(), isBad ? shownBadMs : shownMs);
}
