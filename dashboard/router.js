/**
 * What is shown, by the part of the address behind `#`: servers and proxies never see it, so it works below any path.
 * @typedef {object} Place
 * @property {"services" | "detail" | "activity" | "savings" | "system"} page
 * @property {string} id of the item, on `detail`
 */

/** @returns {Place} */
export function whereAmI() {
  const [kind = "", rest = ""] = location.hash.replace(/^#\/?/, "").split(/\/(.*)/s);
  if (kind === "activity" || kind === "savings" || kind === "system") return { page: kind, id: "" };
  if ((kind === "w" || kind === "r") && rest !== "") return { page: "detail", id: `${kind}/${decode(rest)}` };
  return { page: "services", id: "" };
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
