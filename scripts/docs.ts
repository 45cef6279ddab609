import { writeFile } from "node:fs/promises";
import { pages } from "./docs/pages.ts";

// `npm run docs`: writes every page that is made from code.
const root = new URL("../", import.meta.url);
for (const { path, text } of await pages()) await writeFile(new URL(path, root), text);
