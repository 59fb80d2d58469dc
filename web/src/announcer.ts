// Owns what a screen reader is told: finished and failed uploads, gathered for a moment so that fifty files do not make
// fifty interruptions.

import { plural } from "./format";
import { Store } from "./store";

const GATHER_MS = 700;
const SPOKEN_MAX = 3;

export class Announcer {
  readonly spoken = new Store("");
  #waiting: string[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;

  say(sentence: string): void {
    this.#waiting.push(sentence);
    this.#timer ??= setTimeout(() => this.#speak(), GATHER_MS);
  }

  #speak(): void {
    this.#timer = null;
    this.spoken.set(summary(this.#waiting));
    this.#waiting = [];
  }
}

export function summary(sentences: readonly string[]): string {
  const rest = sentences.length - SPOKEN_MAX;
  const first = sentences.slice(0, SPOKEN_MAX).join(" ");
  return rest > 0 ? `${first} And ${plural(rest, "more change")}.` : first;
}
