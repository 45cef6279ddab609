import { themeNames } from "../../core/pages.ts";
import { escapeHtml } from "../escape.ts";
import { scenes } from "./scenes.ts";

/** What the list of pages says about the theme that is shown. */
export interface Shown {
  readonly theme: string;
  /** Why `default` is shown instead; null = it is what it is. */
  readonly problem: string | null;
  readonly languages: readonly string[];
  /** Bytes of the heaviest page. */
  readonly weight: number;
}

/** The frame around the pages: which one, how wide, light or dark, in which language. */
export function toIndexPage({ theme, problem, languages, weight }: Shown): string {
  const links = scenes.map(({ name, title }) => `<a href="/page/${name}" target="page">${escapeHtml(title)}</a>`);
  const options = languages.map((tag) => `<option>${escapeHtml(tag)}</option>`);
  const ours = themeNames.map((name) => `<option>${name}</option>`);
  const own = themeNames.some((name) => name === theme) ? "" : `<option>${escapeHtml(theme)}</option>`;
  const warning = problem === null ? "" : `<p class="problem" role="alert">${escapeHtml(problem)}</p>`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pages of ${escapeHtml(theme)}</title>
<style>
* { box-sizing: border-box; margin: 0; }
body { display: grid; grid-template-columns: 250px 1fr; height: 100vh; color: #1d1f24; background: #e6e8ec; font: 14px/1.5 system-ui, sans-serif; }
nav { display: flex; flex-direction: column; gap: 2px; padding: 18px 14px; overflow: auto; background: #fff; border-right: 1px solid #d5d8de; }
h1 { padding: 0 10px 8px; font-size: 15px; overflow-wrap: anywhere; }
a { padding: 6px 10px; border-radius: 8px; color: inherit; text-decoration: none; }
a:hover { background: #f0f1f4; }
a[aria-current] { background: #2b4eff; color: #fff; }
label { display: block; padding: 10px 10px 0; color: #5a5f6a; font-size: 12px; }
select { display: block; width: 100%; margin-top: 2px; padding: 5px; font: inherit; font-size: 14px; }
small { padding: 14px 10px 0; color: #5a5f6a; }
.problem { margin: 0 10px 8px; padding: 8px 10px; border-radius: 8px; color: #8c1d18; background: #fdecea; overflow-wrap: anywhere; }
main { display: grid; place-items: center; padding: 18px; overflow: auto; }
iframe { width: 100%; height: 100%; border: 0; border-radius: 12px; background: #fff; box-shadow: 0 8px 40px #0002; }
</style>
<nav>
<h1>Pages</h1>
${warning}
${links.join("\n")}
<label>Theme<select id="theme">${own}${ours.join("")}</select></label>
<label>Language<select id="language">${options.join("")}</select></label>
<label>Width<select id="width"><option value="100%">all there is</option><option value="360px">360 px</option><option value="768px">768 px</option></select></label>
<label>Colours<select id="colours"><option value="">the system's</option><option>light</option><option>dark</option></select></label>
<small>At most ${(weight / 1_000).toFixed(1)} kB. Shown again at each change of a file.</small>
</nav>
<main><iframe name="page" title="Page"></iframe></main>
<script>
const frame = document.querySelector("iframe");
const links = [...document.querySelectorAll("nav a")];
const kept = JSON.parse(sessionStorage.getItem("preview") ?? "{}");
const choice = (id) => document.getElementById(id);
choice("theme").value = ${JSON.stringify(theme).replaceAll("<", "\\u003c")};
for (const id of ["language", "width", "colours"]) if (kept[id] !== undefined) choice(id).value = kept[id];
let shown = links.find((link) => link.pathname === kept.page) ?? links[0];
const show = () => {
  const { value: language } = choice("language");
  const { value: theme } = choice("theme");
  for (const link of links) link.toggleAttribute("aria-current", link === shown);
  frame.style.width = choice("width").value;
  const { value: colours } = choice("colours");
  frame.src = shown.pathname + "?" + new URLSearchParams({ language, theme, colours });
  const page = shown.pathname;
  sessionStorage.setItem("preview", JSON.stringify({ page, language, width: choice("width").value, colours }));
};
for (const link of links) link.onclick = (event) => { event.preventDefault(); shown = link; show(); };
for (const id of ["theme", "language", "width", "colours"]) choice(id).onchange = show;
new EventSource("/changes").onmessage = () => location.reload();
show();
</script>`;
}
