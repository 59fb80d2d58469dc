// Owns the blob URLs of renditions: fetched once, a few at a time, kept while somebody shows them, then kept a little
// longer within a bound, and always revoked. Knows nothing about images, only about addresses.

export interface ThumbsOptions {
  fetch: (url: string, signal: AbortSignal) => Promise<Blob>;
  create: (blob: Blob) => string;
  revoke: (objectUrl: string) => void;
}

export const FETCHES_MAX = 3;
/** Bytes of renditions kept although nothing shows them. */
export const IDLE_BYTES_MAX = 24_000_000;

export interface Use {
  /** The blob URL, good until `release`. */
  ready: Promise<string>;
  release: () => void;
}

interface Held {
  users: number;
  /** `null` until fetched. */
  blob: { url: string; bytes: number } | null;
  coming: Promise<string>;
  abort: AbortController;
}

export class Thumbs {
  #options: ThumbsOptions;
  /** In order of last use: the first idle one is the first to go. */
  #held = new Map<string, Held>();
  #fetching = 0;
  #line: (() => void)[] = [];

  constructor(options: ThumbsOptions) {
    this.#options = options;
  }

  /** Asks for `url`; the caller owns one use of it until `release`, whether it arrives or not. */
  acquire(url: string): Use {
    const held = this.#held.get(url) ?? this.#begin(url);
    held.users += 1;
    this.#touch(url, held);
    let released = false;
    const release = () => {
      if (!released) this.#release(url, held);
      released = true;
    };
    return { ready: held.coming, release };
  }

  /** Revokes everything; what is still shown goes blank. */
  clear(): void {
    for (const held of this.#held.values()) {
      held.abort.abort();
      if (held.blob !== null) this.#options.revoke(held.blob.url);
    }
    this.#held.clear();
  }

  #begin(url: string): Held {
    const abort = new AbortController();
    const held: Held = { users: 0, blob: null, abort, coming: Promise.resolve("") };
    held.coming = this.#load(url, held);
    // The caller handles the failure; a second listener is not owed one.
    held.coming.catch(() => undefined);
    this.#held.set(url, held);
    return held;
  }

  #release(url: string, held: Held): void {
    held.users -= 1;
    // A failed load has left already, and another may hold the same address by now.
    if (held.users > 0 || this.#held.get(url) !== held) return;
    if (held.blob === null) {
      held.abort.abort();
      this.#held.delete(url);
    } else {
      this.#touch(url, held);
      this.#evict();
    }
  }

  async #load(url: string, held: Held): Promise<string> {
    await this.#turn();
    try {
      held.abort.signal.throwIfAborted();
      const blob = await this.#options.fetch(url, held.abort.signal);
      held.abort.signal.throwIfAborted();
      held.blob = { url: this.#options.create(blob), bytes: blob.size };
      return held.blob.url;
    } catch (error) {
      // A failure is not remembered: the next to ask tries again.
      if (this.#held.get(url) === held) this.#held.delete(url);
      throw error;
    } finally {
      this.#fetching -= 1;
      this.#line.shift()?.();
    }
  }

  async #turn(): Promise<void> {
    if (this.#fetching >= FETCHES_MAX) await new Promise<void>((go) => this.#line.push(go));
    this.#fetching += 1;
  }

  #touch(url: string, held: Held): void {
    this.#held.delete(url);
    this.#held.set(url, held);
  }

  #evict(): void {
    const idle = [...this.#held].filter(([, held]) => held.users === 0 && held.blob !== null);
    let bytes = idle.reduce((sum, [, held]) => sum + (held.blob?.bytes ?? 0), 0);
    for (const [url, held] of idle) {
      if (bytes <= IDLE_BYTES_MAX) return;
      if (held.blob === null) continue;
      this.#options.revoke(held.blob.url);
      bytes -= held.blob.bytes;
      this.#held.delete(url);
    }
  }
}
