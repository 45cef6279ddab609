import { parseDuration } from "./duration.ts";
import type { Rate } from "./spec.ts";

const bytesOf = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
} as const satisfies Record<string, number>;

const sizePattern = /^(\d+(?:\.\d+)?)([kKMGT]i?B|B)$/;

/** Bytes behind a size such as `10kB` (1000) or `5MiB` (1024 x 1024); undefined for anything else except `0`. */
export function parseSize(text: string): number | undefined {
  if (text === "0") return 0;
  const [, amount, unit] = sizePattern.exec(text) ?? [];
  const factor = unit === "KB" ? 1e3 : Object.entries(bytesOf).find(([name]) => name === unit)?.[1];
  return amount === undefined || factor === undefined ? undefined : Math.round(Number(amount) * factor);
}

/** Bytes per second behind a floor such as `256B/s` or `1kB/s`; undefined for anything else except `0`. */
export function parseByteRate(text: string): number | undefined {
  if (text === "0") return 0;
  return text.endsWith("/s") ? parseSize(text.slice(0, -2)) : undefined;
}

/** A limit such as `10/1m`: at least one, per a time above 0. */
export function parseRate(text: string): Rate | undefined {
  const [, amount = "", window = ""] = /^(\d+)\/(.+)$/.exec(text) ?? [];
  const count = Number(amount);
  const perMs = parseDuration(window);
  return count >= 1 && perMs !== undefined && perMs > 0 ? { count, perMs } : undefined;
}

/** The fraction behind `5%` (0.05), from 0 to 10,000 %: several cores are more than 100 %. */
export function parsePercent(text: string): number | undefined {
  const [, amount] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? [];
  return amount === undefined || Number(amount) > 10_000 ? undefined : Number(amount) / 100;
}

/** A size for people: "10 kB", "1.5 MB". Decimal units, at most one decimal place. */
export function formatSize(bytes: number): string {
  let amount = Math.max(0, bytes);
  for (const unit of ["B", "kB", "MB", "GB"]) {
    const shown = unit === "B" ? Math.round(amount) : Math.round(amount * 10) / 10;
    if (shown < 1000) return `${shown} ${unit}`;
    amount /= 1000;
  }
  return `${Math.round(amount * 10) / 10} TB`;
}
