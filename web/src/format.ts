// Owns how numbers and times look on the page. Pure: the moment "now" is an argument.

const LOCALE = "en";

/** 3_214_000 -> "3.2 MB", decimal units as cameras and storage bills use them. */
export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toLocaleString(LOCALE, { maximumFractionDigits: digits })} ${units[unit]}`;
}

export function count(value: number): string {
  return value.toLocaleString(LOCALE);
}

export function pixels(width: number | null, height: number | null): string | null {
  return width === null || height === null ? null : `${width} × ${height}`;
}

/** A length of time in milliseconds, at most two units: "84 ms", "2.4 s", "3 min 5 s", "6 d 23 h". */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toLocaleString(LOCALE, { maximumFractionDigits: 1 })} s`;
  const seconds = Math.round(ms / 1000);
  const steps: [number, string][] = [
    [86_400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ];
  const first = steps.findIndex(([length]) => seconds >= length);
  const [large, small] = [steps[first], steps[first + 1]];
  if (large === undefined) return "0 s";
  const rest = small === undefined ? 0 : Math.floor((seconds % large[0]) / small[0]);
  const head = `${Math.floor(seconds / large[0])} ${large[1]}`;
  return rest > 0 && small !== undefined ? `${head} ${rest} ${small[1]}` : head;
}

/** Milliseconds from one RFC 3339 time to another, or `null` when either is missing or unreadable. */
export function between(from: string | null, to: string | null): number | null {
  if (from === null || to === null) return null;
  const ms = Date.parse(to) - Date.parse(from);
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}

/** "in 6 d 23 h", or "now" once the time has come. */
export function until(time: string, now: number): string {
  const ms = Date.parse(time) - now;
  if (!Number.isFinite(ms)) return time;
  return ms <= 0 ? "now" : `in ${duration(Math.max(ms, 1000))}`;
}

export function moment(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  return date.toLocaleString(LOCALE, { dateStyle: "medium", timeStyle: "medium" });
}

/** How a format's name is written: "jpeg" -> "JPEG", "webp" -> "WebP". */
export function format(name: string): string {
  const bare = name.replace(/^image\//, "").toLowerCase();
  return { webp: "WebP", jpg: "JPEG" }[bare] ?? bare.toUpperCase();
}

export function plural(number: number, one: string, many = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}
