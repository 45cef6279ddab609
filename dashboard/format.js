const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/**
 * `4 m 10 s`: the two largest units that say something.
 * @param {number} ms
 */
export function toDuration(ms) {
  const left = Math.max(0, ms);
  if (left < minute) return `${Math.round(left / second)} s`;
  if (left < hour) return join([Math.floor(left / minute), "m"], [Math.floor((left % minute) / second), "s"]);
  if (left < day) return join([Math.floor(left / hour), "h"], [Math.floor((left % hour) / minute), "m"]);
  return join([Math.floor(left / day), "d"], [Math.floor((left % day) / hour), "h"]);
}

/**
 * @param {readonly [number, string]} large
 * @param {readonly [number, string]} small
 */
function join([large, largeUnit], [small, smallUnit]) {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/**
 * `3.2 GB`, in powers of 1000.
 * @param {number} bytes
 */
export function toBytes(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1);
  const value = bytes / 1_000 ** power;
  return `${value >= 100 || power === 0 ? Math.round(value) : value.toFixed(1)} ${units[power] ?? "B"}`;
}

/**
 * `99.2 %`; all and nothing are only said where they are true.
 * @param {number | null} part
 */
export function toPercent(part) {
  if (part === null) return "–";
  if (part === 0 || part === 1) return `${part * 100} %`;
  const percent = part * 100;
  if (percent < 0.1) return "< 0.1 %";
  if (percent > 99.9) return "> 99.9 %";
  return `${percent >= 10 && percent <= 99 ? Math.round(percent) : percent.toFixed(1)} %`;
}

/**
 * `3 ms`, `12.4 s`
 * @param {number | null} ms
 */
export function toLatency(ms) {
  if (ms === null) return "–";
  if (ms >= 10_000) return `${Math.round(ms / 1_000)} s`;
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export function toCount(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}

/**
 * Whether it is what `pin` takes: `30m`, `1h30m`, from a second to 30 days.
 * @param {string} text
 */
export function isPinDuration(text) {
  if (!/^(?:\d+(?:ms|s|m|h|d))+$/.test(text)) return false;
  /** @type {Readonly<Record<string, number>>} */
  const units = { ms: 1, s: second, m: minute, h: hour, d: day };
  const parts = text.matchAll(/(\d+)(ms|s|m|h|d)/g);
  const ms = [...parts].reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ""] ?? 0), 0);
  return ms >= second && ms <= 30 * day;
}
