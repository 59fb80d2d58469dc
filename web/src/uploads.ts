// Owns the queue of files on their way: how many at once, what is tried again, when it is given up. Each file has one
// idempotency key for all its attempts, so that a retry never makes a second image. Knows nothing about the screen.

import { delayMs, retryAfterMs, type Backoff } from "./backoff";
import { object, text } from "./image";
import type { Attempt, Outcome } from "./send";
import { Store } from "./store";
import { CONNECTION_LOST, refusalInWords } from "./words";

export type UploadState =
  | { step: "queued" }
  | { step: "sending"; sentBytes: number }
  | { step: "waiting"; why: string }
  | { step: "accepted"; imageId: string }
  | { step: "refused"; why: string; retryable: boolean };

export interface Upload {
  number: number;
  file: File;
  key: string;
  state: UploadState;
}

export interface UploadsOptions {
  send: (attempt: Attempt) => Promise<Outcome>;
  authorization: () => string;
  onAccepted: (upload: Upload, imageId: string, sha256: string | null) => void;
  onRefused: (upload: Upload, why: string) => void;
  onUnauthorized: () => void;
  newKey: () => string;
  pause: (ms: number, signal: AbortSignal) => Promise<void>;
  chance: () => number;
}

export const SENDING_MAX = 3;
/** Files the queue holds; what is dropped beyond it is turned away at once. */
export const FILES_MAX = 500;
export const ATTEMPTS_MAX = 6;
const RETRY_AFTER_MAX_MS = 60_000;
const BACKOFF: Backoff = { firstMs: 1000, maxMs: 20_000 };

/** What one attempt's outcome means for its file. */
export type Verdict =
  | { kind: "accepted"; imageId: string; sha256: string | null }
  | { kind: "again"; afterMs: number; why: string }
  | { kind: "refused"; why: string; retryable: boolean; unauthorized: boolean };

/** Decides after attempt number `attempt` (from 0). */
export function judge(outcome: Outcome, attempt: number, chance: number): Verdict {
  if (outcome.kind === "cancelled") return { kind: "refused", why: "Cancelled.", retryable: true, unauthorized: false };
  if (outcome.kind === "lost") return againOrRefused(CONNECTION_LOST, null, attempt, chance);
  const { status, body } = outcome;
  const imageId = text(object(body).id);
  if (status >= 200 && status < 300 && imageId !== null) {
    return { kind: "accepted", imageId, sha256: text(object(body).sha256) };
  }
  const why = refusalInWords(status, body);
  const asked = retryAfterMs(outcome.retryAfter, Date.now());
  if (passes(status, asked)) return againOrRefused(why, asked, attempt, chance);
  return { kind: "refused", why, retryable: status === 401, unauthorized: status === 401 };
}

/** Refusals that are about the moment and not about the file. 409: an earlier attempt with this key still runs. */
function passes(status: number, askedMs: number | null): boolean {
  return status >= 500 || status === 429 || status === 408 || (status === 409 && askedMs !== null);
}

function againOrRefused(why: string, askedMs: number | null, attempt: number, chance: number): Verdict {
  if (attempt + 1 >= ATTEMPTS_MAX || (askedMs ?? 0) > RETRY_AFTER_MAX_MS) {
    return { kind: "refused", why, retryable: true, unauthorized: false };
  }
  return { kind: "again", afterMs: Math.max(askedMs ?? 0, delayMs(BACKOFF, attempt, chance)), why };
}

export class Uploads {
  readonly list = new Store<readonly Upload[]>([]);
  #options: UploadsOptions;
  #running = new Map<number, AbortController>();
  #next = 1;

  constructor(options: UploadsOptions) {
    this.#options = options;
  }

  /** Queues the files and returns how many were turned away because the queue is full. */
  add(files: readonly File[]): number {
    const room = Math.max(0, FILES_MAX - this.list.get().length);
    const taken = files.slice(0, room).map((file): Upload => {
      return { number: this.#next++, file, key: this.#options.newKey(), state: { step: "queued" } };
    });
    this.list.update((uploads) => [...uploads, ...taken]);
    this.#fill();
    return files.length - taken.length;
  }

  /** Sends a refused file again, under its old key. */
  retry(number: number): void {
    this.#move(number, { step: "queued" });
    this.#fill();
  }

  /** Takes the file off the list, ending its transfer if it is on its way. */
  remove(number: number): void {
    this.#running.get(number)?.abort();
    this.list.update((uploads) => uploads.filter((upload) => upload.number !== number));
  }

  clearAccepted(): void {
    this.list.update((uploads) => uploads.filter((upload) => upload.state.step !== "accepted"));
  }

  stop(): void {
    for (const running of this.#running.values()) running.abort();
    this.list.set([]);
  }

  #fill(): void {
    for (const upload of this.list.get()) {
      if (this.#running.size >= SENDING_MAX) return;
      if (upload.state.step === "queued" && !this.#running.has(upload.number)) void this.#run(upload);
    }
  }

  async #run(upload: Upload): Promise<void> {
    const running = new AbortController();
    this.#running.set(upload.number, running);
    try {
      for (let attempt = 0; !running.signal.aborted; attempt += 1) {
        const verdict = judge(await this.#attempt(upload, running.signal), attempt, this.#options.chance());
        if (running.signal.aborted) break;
        if (verdict.kind !== "again") {
          this.#settle(upload, verdict);
          break;
        }
        this.#move(upload.number, { step: "waiting", why: verdict.why });
        await this.#options.pause(verdict.afterMs, running.signal);
      }
    } finally {
      this.#running.delete(upload.number);
      this.#fill();
    }
  }

  #attempt(upload: Upload, signal: AbortSignal): Promise<Outcome> {
    this.#move(upload.number, { step: "sending", sentBytes: 0 });
    return this.#options.send({
      file: upload.file,
      key: upload.key,
      authorization: this.#options.authorization(),
      onProgress: (sentBytes) => this.#move(upload.number, { step: "sending", sentBytes }),
      signal,
    });
  }

  #settle(upload: Upload, verdict: Exclude<Verdict, { kind: "again" }>): void {
    if (verdict.kind === "accepted") {
      this.#move(upload.number, { step: "accepted", imageId: verdict.imageId });
      return this.#options.onAccepted(upload, verdict.imageId, verdict.sha256);
    }
    this.#move(upload.number, { step: "refused", why: verdict.why, retryable: verdict.retryable });
    if (verdict.unauthorized) return this.#options.onUnauthorized();
    this.#options.onRefused(upload, verdict.why);
  }

  #move(number: number, state: UploadState): void {
    this.list.update((uploads) => uploads.map((one) => (one.number === number ? { ...one, state } : one)));
  }
}
