// Runs before anything is painted, so that nobody sees the other theme first.
(() => {
  try {
    const theme = localStorage.getItem("nodoff.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be closed to us: the system's theme stands.
  }
})();
