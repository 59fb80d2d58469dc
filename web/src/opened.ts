// Owns the one image whose page is open: taken from the gallery at once, read from the server when it is not there,
// and kept current by the stream. Knows nothing about the screen.

import { Refused, inWords, type Api } from "./api";
import { later, type Event, type Gallery } from "./gallery";
import type { Image } from "./image";
import { Store } from "./store";

export type View =
  | { state: "none" }
  | { state: "reading"; id: string }
  | { state: "shown"; id: string; image: Image }
  | { state: "gone"; id: string }
  | { state: "error"; id: string; why: string };

export class Opened {
  readonly view = new Store<View>({ state: "none" });
  #api: Api;
  #gallery: Store<Gallery>;
  #reading = new AbortController();

  constructor(api: Api, gallery: Store<Gallery>) {
    this.#api = api;
    this.#gallery = gallery;
  }

  show(id: string): void {
    this.#reading.abort();
    const image = this.#gallery.get().images.find((one) => one.id === id);
    this.view.set(image === undefined ? { state: "reading", id } : { state: "shown", id, image });
    // The list may be older than the server: read again unless it holds the end of the story with its expiry.
    if (image === undefined || image.status === "uploaded" || image.expiresAt === null) void this.#read(id);
  }

  close(): void {
    this.#reading.abort();
    this.view.set({ state: "none" });
  }

  take(events: readonly Event[]): void {
    for (const event of events) {
      const view = this.view.get();
      if (view.state === "none") return;
      if (event.kind === "purged" && event.id === view.id) this.view.set({ state: "gone", id: view.id });
      if (event.kind === "image" && event.image.id === view.id) this.#news(event.image);
    }
  }

  #news(image: Image): void {
    const view = this.view.get();
    if (view.state === "gone") return;
    const known = view.state === "shown" ? view.image : undefined;
    this.view.set({ state: "shown", id: image.id, image: later(known, image) });
  }

  async #read(id: string): Promise<void> {
    const reading = (this.#reading = new AbortController());
    try {
      const image = await this.#api.image(id, reading.signal);
      if (reading.signal.aborted) return;
      if (image === null) this.view.set({ state: "error", id, why: "The server’s answer couldn’t be read." });
      else this.#news(image);
    } catch (error) {
      if (reading.signal.aborted) return;
      if (error instanceof Refused && error.status === 404) this.view.set({ state: "gone", id });
      else if (this.view.get().state === "reading") this.view.set({ state: "error", id, why: inWords(error) });
    }
  }
}
