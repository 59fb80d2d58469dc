// Owns how long to wait before trying again. Pure: chance is an argument.

export interface Backoff {
  firstMs: number;
  maxMs: number;
}

/** Full jitter over an exponential ceiling, never below a tenth of it, so that many pages do not return together. */
export function delayMs(backoff: Backoff, attempt: number, chance: number): number {
  const ceiling = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(attempt, 20));
  return Math.round(ceiling * (0.1 + 0.9 * chance));
}

/** A `Retry-After` header in milliseconds: seconds or an HTTP date; `null` when absent or unreadable. */
export function retryAfterMs(header: string | null, now: number): number | null {
  if (header === null) return null;
  if (/^\d{1,7}$/.test(header.trim())) return Number(header.trim()) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}
