const secretKey = /token|secret|passw|authorization|cookie|credential|api_?key/i;
/** The user and password of a URL. */
const userInfo = /\/\/[^\s/?#@]+@/g;
const maxDepth = 6;
const maxItems = 100;
const maxLength = 4_000;

/** A thrown value in a log line: never its stack, which names files and may repeat what was sent. */
interface LoggedError {
  readonly code?: string;
  readonly message: string;
}

/**
 * What may be logged of a context: plain JSON values, bounded, secrets replaced by `[redacted]`, errors as code and
 * message. Works on anything, cycles included; never throws.
 */
export function redact(context: Readonly<Record<string, unknown>>): Record<string, unknown> {
  try {
    return redactObject(context, 0);
  } catch {
    // A getter that throws: the message is worth more than this fact.
    return { context: "[unreadable]" };
  }
}

function redactObject(value: object, depth: number): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value).slice(0, maxItems)) {
    if (item === undefined) continue;
    result[key] = secretKey.test(key) && item !== null ? "[redacted]" : redactValue(item, depth + 1);
  }
  return result;
}

function redactValue(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case "string":
      return redactText(value);
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "boolean":
      return value;
    case "object":
      return value === null ? null : redactReference(value, depth);
    case "bigint":
    case "symbol":
    case "undefined":
      return String(value);
    case "function":
      return "[function]";
  }
}

function redactReference(value: object, depth: number): unknown {
  if (value instanceof Error) return redactError(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "invalid date" : value.toISOString();
  if (value instanceof URL) return redactText(value.href);
  // Also ends cycles.
  if (depth >= maxDepth) return "[…]";
  if (Array.isArray(value)) return value.slice(0, maxItems).map((item) => redactValue(item, depth + 1));
  if (value instanceof Set) return [...value].slice(0, maxItems).map((item) => redactValue(item, depth + 1));
  if (value instanceof Map) return redactObject(Object.fromEntries(value), depth);
  return redactObject(value, depth);
}

function redactError(error: Error): LoggedError {
  const message = redactText(error.message);
  return "code" in error && typeof error.code === "string" ? { code: error.code, message } : { message };
}

function redactText(text: string): string {
  const short = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return short.replace(userInfo, "//[redacted]@");
}
