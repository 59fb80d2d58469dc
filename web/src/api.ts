// Owns the calls to the server that answer once: the list, one image, a rendition's bytes, the stats. Every call
// carries the token and goes to this origin only. Knows nothing about the screen.

import { parseImage, list, object, size, text, type Image } from "./image";
import type { Page } from "./gallery";
import { CONNECTION_LOST, refusalInWords } from "./words";

export const PAGE_IMAGES = 48;

/** A call that did not give what was asked for; `status` 0 means that no answer came. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** What to tell about a call that threw. */
export function inWords(error: unknown): string {
  return error instanceof Refused ? error.message : "Something went wrong on this page.";
}

export interface Stats {
  images: number;
  processed: number;
  failed: number;
  bytesIn: number;
  bytesOut: number;
  p50Ms: number | null;
  p99Ms: number | null;
}

export class Api {
  #token: string;
  #onUnauthorized: () => void;
  #statsAbsent = false;

  constructor(token: string, onUnauthorized: () => void) {
    this.#token = token;
    this.#onUnauthorized = onUnauthorized;
  }

  authorization(): string {
    return `Bearer ${this.#token}`;
  }

  /** Tells the page that the token is no longer taken. Called by every part that sees a 401. */
  unauthorized(): void {
    this.#onUnauthorized();
  }

  async images(cursor: string | null): Promise<Page> {
    const query = new URLSearchParams({ limit: String(PAGE_IMAGES) });
    if (cursor !== null) query.set("cursor", cursor);
    const it = object(await this.#json(`/v1/images?${query}`));
    return { images: list(it.images).flatMap((one) => parseImage(one) ?? []), cursor: text(it.next_cursor) };
  }

  async image(id: string, signal: AbortSignal): Promise<Image | null> {
    return parseImage(await this.#json(`/v1/images/${encodeURIComponent(id)}`, signal));
  }

  async bytes(url: string, signal: AbortSignal): Promise<Blob> {
    return (await this.#get(url, "image/*", signal)).blob();
  }

  /** The totals, or `null` when there are none; a server without the route is not asked again. */
  async stats(): Promise<Stats | null> {
    if (this.#statsAbsent) return null;
    try {
      return parseStats(await this.#json("/v1/stats"));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#statsAbsent = error.status === 404;
      return null;
    }
  }

  async #json(url: string, signal?: AbortSignal): Promise<unknown> {
    return (await this.#get(url, "application/json", signal)).json().catch(() => null);
  }

  async #get(url: string, accept: string, signal?: AbortSignal): Promise<Response> {
    const headers = { Authorization: this.authorization(), Accept: accept };
    const answer = await fetch(url, { headers, ...(signal && { signal }) }).catch((error: unknown) => {
      if (signal?.aborted) throw error;
      throw new Refused(0, CONNECTION_LOST);
    });
    if (answer.ok) return answer;
    if (answer.status === 401) this.unauthorized();
    throw new Refused(answer.status, refusalInWords(answer.status, await answer.json().catch(() => null)));
  }
}

function parseStats(json: unknown): Stats | null {
  const totals = object(object(json).totals);
  const latency = object(object(json).latency_ms);
  const images = size(totals.images);
  if (images === null) return null;
  return {
    images,
    processed: size(totals.processed) ?? 0,
    failed: size(totals.failed) ?? 0,
    bytesIn: size(totals.bytes_in) ?? 0,
    bytesOut: size(totals.bytes_out) ?? 0,
    p50Ms: size(latency.p50),
    p99Ms: size(latency.p99),
  };
}
