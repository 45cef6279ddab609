import { ApiError } from "./model.ts";

/** What a parameter must look like. */
export interface Param {
  readonly type: "integer" | "boolean" | "string";
  readonly min?: number;
  readonly oneOf?: readonly string[];
  readonly required?: boolean;
}

export type Params = Readonly<Record<string, string>>;

const unknown = "property is not defined in schema and the schema does not allow additional properties";

/** Checks as pvedaemon does before anything runs: unknown names, types, bounds. */
export function checkParams(given: Params, schema: Readonly<Record<string, Param>>): void {
  const errors: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    const wrong = schema[name] === undefined ? unknown : wrongValue(value, schema[name]);
    if (wrong !== null) errors[name] = wrong;
  }
  for (const [name, { required }] of Object.entries(schema))
    if (required === true && given[name] === undefined) errors[name] = "property is missing and it is not optional";
  if (Object.keys(errors).length > 0) throw new ApiError(400, "Parameter verification failed.", errors);
}

function wrongValue(value: string, { type, min, oneOf }: Param): string | null {
  if (type === "integer") {
    if (!/^[+-]?\d+$/.test(value)) return `type check ('integer') failed - got '${value}'`;
    if (min !== undefined && Number(value) < min) return `value must have a minimum value of ${min}`;
  }
  if (type === "boolean" && !/^(?:0|1|yes|no|true|false|on|off)$/i.test(value))
    return `type check ('boolean') failed - got '${value}'`;
  if (oneOf !== undefined && !oneOf.includes(value))
    return `value '${value}' does not have a value in the enumeration '${oneOf.join(", ")}'`;
  return null;
}

export function isOn(value: string | undefined): boolean {
  return value !== undefined && /^(?:1|yes|true|on)$/i.test(value);
}
