// Owns the live stream: reads Server-Sent Events by fetch (EventSource cannot send the token), resumes with
// Last-Event-ID, and comes back with growing pauses for as long as the page lives. Knows nothing about galleries:
// it hands over batches of events in their order.

import { createParser, type EventSourceMessage } from "eventsource-parser";
import { delayMs, retryAfterMs, type Backoff } from "./backoff";

export type Connection = "connecting" | "live" | "waiting";

export interface StreamEvent {
  event: string;
  data: string;
}

export interface StreamOptions {
  fetch: typeof fetch;
  authorization: () => string;
  /** The stream is open. Not `resumed`: what happened before is unknown, so the list has to be read. */
  onOpen: (resumed: boolean) => void;
  onEvents: (events: StreamEvent[]) => void;
  onConnection: (state: Connection) => void;
  onUnauthorized: () => void;
  /** Waits, or returns early when the signal fires. */
  pause: (ms: number, signal: AbortSignal) => Promise<void>;
  chance: () => number;
}

const BACKOFF: Backoff = { firstMs: 500, maxMs: 20_000 };
/** Silence after which the connection counts as dead; the server tells its position far more often. */
const SILENCE_MAX_MS = 60_000;
/** Text of one unfinished event; past it the connection is dropped and begun again. */
const EVENT_CHARS_MAX = 1_000_000;
const RETRY_AFTER_MAX_MS = 120_000;
/** A connection that lived this long was a good one: the next pause is short again. */
const GOOD_AFTER_MS = 10_000;

type Ended = { kind: "closed"; afterMs: number | null } | { kind: "unauthorized" };

export class Stream {
  #options: StreamOptions;
  #lastId: string | null = null;
  #failures = 0;
  #stopped = new AbortController();
  #wake = new AbortController();

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  /** Reads until `stop`, or until the token is refused. */
  async run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      this.#options.onConnection("connecting");
      const ended = await this.#connect();
      if (this.#stopped.signal.aborted) return;
      if (ended.kind === "unauthorized") return this.#options.onUnauthorized();
      this.#options.onConnection("waiting");
      const ms = ended.afterMs ?? delayMs(BACKOFF, this.#failures, this.#options.chance());
      this.#failures += 1;
      this.#wake = new AbortController();
      await this.#options.pause(ms, AbortSignal.any([this.#wake.signal, this.#stopped.signal]));
    }
  }

  /** Ends a pause: the network is back, or the page is looked at again. */
  wake(): void {
    this.#wake.abort();
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #connect(): Promise<Ended> {
    const quiet = new AbortController();
    const signal = AbortSignal.any([this.#stopped.signal, quiet.signal]);
    let timer = setTimeout(() => quiet.abort(), SILENCE_MAX_MS);
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => quiet.abort(), SILENCE_MAX_MS);
    };
    let openedAt = Infinity;
    try {
      const answer = await this.#open(signal);
      if (answer.status === 401) return { kind: "unauthorized" };
      if (!answer.ok || answer.body === null) return this.#refused(answer);
      openedAt = performance.now();
      this.#options.onConnection("live");
      this.#options.onOpen(this.#lastId !== null);
      await this.#read(answer.body, heard);
    } catch {
      // A broken connection is the ordinary end of a stream: `run` comes back.
    } finally {
      clearTimeout(timer);
      quiet.abort();
      if (performance.now() - openedAt > GOOD_AFTER_MS) this.#failures = 0;
    }
    return { kind: "closed", afterMs: null };
  }

  #open(signal: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = {
      Accept: "text/event-stream",
      Authorization: this.#options.authorization(),
    };
    if (this.#lastId !== null) headers["Last-Event-ID"] = this.#lastId;
    return this.#options.fetch("/v1/stream", { headers, cache: "no-store", signal });
  }

  #refused(answer: Response): Ended {
    // An id the server cannot read would be refused for ever: start anew, and `onOpen` has the list read again.
    if (answer.status === 400) this.#lastId = null;
    const asked = retryAfterMs(answer.headers.get("Retry-After"), Date.now());
    return { kind: "closed", afterMs: asked === null ? null : Math.min(asked, RETRY_AFTER_MAX_MS) };
  }

  async #read(body: ReadableStream<Uint8Array>, heard: () => void): Promise<void> {
    const reader = body.getReader();
    const utf8 = new TextDecoder();
    let events: StreamEvent[] = [];
    const parser = createParser({
      maxBufferSize: EVENT_CHARS_MAX,
      // A block without data has a position too: whoever comes back from there has not missed the quiet time before it.
      onId: (id) => this.#at(id),
      onEvent: (event) => events.push(this.#heard(event)),
      onError: (error) => {
        if (error.type === "max-buffer-size-exceeded") throw error;
      },
    });
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      parser.feed(utf8.decode(value, { stream: true }));
      if (events.length > 0) this.#options.onEvents(events);
      events = [];
    }
  }

  #at(id: string): void {
    this.#failures = 0;
    this.#lastId = id || null;
  }

  #heard({ event = "message", data, id }: EventSourceMessage): StreamEvent {
    this.#failures = 0;
    // A reset without an id of its own: the old position is void.
    if (event === "reset" && id === undefined) this.#lastId = null;
    return { event, data };
  }
}
