/** @typedef {Pick<import("./types.ts").State, "filter" | "theme" | "shortcuts">} Settings */

const key = "nodoff.settings";

/** @type {Settings} */
const defaults = {
  filter: { text: "", conditions: "all", health: "any", groupBy: "none" },
  theme: "system",
  shortcuts: true,
};

/**
 * What this browser remembers. A search is not remembered: next time it would only hide things.
 * @returns {Settings}
 */
export function load() {
  try {
    const known = JSON.parse(localStorage.getItem(key) ?? "{}");
    return {
      filter: { ...defaults.filter, groupBy: known.groupBy ?? defaults.filter.groupBy },
      theme: known.theme ?? defaults.theme,
      shortcuts: known.shortcuts ?? defaults.shortcuts,
    };
  } catch {
    return defaults;
  }
}

/** @param {Settings} settings */
export function save({ filter, theme, shortcuts }) {
  const { dataset } = document.documentElement;
  if (theme === "system") delete dataset["theme"];
  else dataset["theme"] = theme;
  try {
    localStorage.setItem(key, JSON.stringify({ groupBy: filter.groupBy, theme, shortcuts }));
    // Alone, for theme.js.
    localStorage.setItem("nodoff.theme", theme);
  } catch {
    // Storage may be closed to us: then it holds for this visit.
  }
}
