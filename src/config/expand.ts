import { brokenText, expandedText } from "./loose.ts";
import type { Loose } from "./loose.ts";

export type Env = Readonly<Record<string, string | undefined>>;

const placeholder = /\$(\$)?\{([^}]*)\}?/g;
const reference = /^([A-Za-z_]\w*)(?::-(.*))?$/s;

/**
 * `${VAR}` and `${VAR:-default}` (used when VAR is unset or empty) in one scalar; `$${` stands for a plain `${`. A text
 * without any comes back as it is, so that its own form (quoted or not) still counts.
 */
export function expandVariables(text: string, env: Env): string | Loose {
  if (!text.includes("${")) return text;
  let problem: string | undefined;
  let expanded = false;
  const result = text.replaceAll(placeholder, (whole: string, escape: string | undefined, inner: string) => {
    if (escape !== undefined) return whole.slice(1);
    const [, name, fallback] = reference.exec(inner) ?? [];
    if (name === undefined || !whole.endsWith("}")) {
      problem ??= `"${whole}" is not understood: write \${VAR} or \${VAR:-default} ($\${ for a plain \${)`;
      return "";
    }
    expanded = true;
    const value = env[name];
    if (fallback !== undefined) return value === undefined || value === "" ? fallback : value;
    if (value === undefined) problem ??= `the environment variable ${name} is not set (\${${name}:-…} gives a default)`;
    return value ?? "";
  });
  if (problem !== undefined) return brokenText(problem);
  return expanded ? expandedText(result) : result;
}
