// Owns everything that lives as long as one token: the list, the stream, the queue, the stats, and how they feed each
// other. Closing it ends every connection and frees every blob. The screen only reads its stores and calls its verbs.

import { Announcer } from "./announcer";
import { Api, inWords, type Stats } from "./api";
import { EMPTY, reloaded, withEvents, withOlder, withUpload, type Event, type Gallery } from "./gallery";
import { justUploaded, nameOf, object, parseImage, text, type Image } from "./image";
import { Opened } from "./opened";
import { newKey, pause } from "./platform";
import { send } from "./send";
import { Store } from "./store";
import { Stream, type Connection, type StreamEvent } from "./stream";
import { Thumbs } from "./thumbs";
import { Uploads, type Upload } from "./uploads";
import { reasonInWords } from "./words";

/** The list is read without waiting longer than this for the stream to open. */
const LIST_WAIT_MS = 700;
const STATS_EVERY_MS = 2500;

export class Session {
  readonly gallery = new Store<Gallery>(EMPTY);
  readonly connection = new Store<Connection>("connecting");
  readonly stats = new Store<Stats | null>(null);
  readonly listError = new Store<string | null>(null);
  readonly loadingOlder = new Store(false);
  /** Files turned away from the last drop because the queue was full. */
  readonly leftOut = new Store(0);
  readonly announcer = new Announcer();
  readonly api: Api;
  readonly thumbs: Thumbs;
  readonly uploads: Uploads;
  readonly opened: Opened;
  #stream: Stream;
  /** Uploads of this page whose end has not been told yet. */
  #mine = new Set<string>();
  /** What the stream said while the list is on its way; `null` when it is not. */
  #since: Event[] | null = null;
  #reloads = 0;
  #statsTimer: ReturnType<typeof setTimeout> | null = null;
  #closed = new AbortController();

  constructor(token: string, onUnauthorized: () => void) {
    const authorization = () => this.api.authorization();
    this.api = new Api(token, onUnauthorized);
    this.thumbs = new Thumbs({
      fetch: (url, signal) => this.api.bytes(url, signal),
      create: (blob) => URL.createObjectURL(blob),
      revoke: (url) => URL.revokeObjectURL(url),
    });
    this.opened = new Opened(this.api, this.gallery);
    this.uploads = new Uploads({
      send,
      authorization,
      onAccepted: (upload, id, sha256) => this.#accepted(upload, id, sha256),
      onRefused: (upload, why) => this.announcer.say(`${upload.file.name} was not uploaded. ${why}`),
      onUnauthorized,
      newKey,
      pause,
      chance: Math.random,
    });
    this.#stream = new Stream({
      fetch: (...call) => fetch(...call),
      authorization,
      onOpen: (resumed) => void (resumed || this.reload()),
      onEvents: (events) => this.#events(events),
      onConnection: (state) => this.connection.set(state),
      onUnauthorized,
      pause,
      chance: Math.random,
    });
  }

  open(): void {
    void this.#stream.run();
    void pause(LIST_WAIT_MS, this.#closed.signal).then(() => (this.#reloads === 0 ? this.reload() : undefined));
    const wake = () => document.visibilityState === "visible" && this.#stream.wake();
    addEventListener("online", wake, { signal: this.#closed.signal });
    document.addEventListener("visibilitychange", wake, { signal: this.#closed.signal });
  }

  close(): void {
    this.#closed.abort();
    this.#stream.stop();
    this.uploads.stop();
    this.thumbs.clear();
    if (this.#statsTimer !== null) clearTimeout(this.#statsTimer);
  }

  /** Reads the newest page of the list; what the stream says meanwhile is kept on top of it. */
  async reload(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    const mine = (this.#reloads += 1);
    this.#since = [];
    try {
      const page = await this.api.images(null);
      if (mine !== this.#reloads || this.#closed.signal.aborted) return;
      this.gallery.update((gallery) => reloaded(gallery, page, this.#since ?? []));
      this.listError.set(null);
      void this.#readStats();
    } catch (error) {
      if (mine === this.#reloads) this.listError.set(inWords(error));
    } finally {
      if (mine === this.#reloads) this.#since = null;
    }
  }

  async loadOlder(): Promise<void> {
    const { cursor } = this.gallery.get();
    if (cursor === null || this.loadingOlder.get()) return;
    this.loadingOlder.set(true);
    const reloads = this.#reloads;
    try {
      const page = await this.api.images(cursor);
      if (reloads === this.#reloads) this.gallery.update((gallery) => withOlder(gallery, page));
      this.listError.set(null);
    } catch (error) {
      this.listError.set(inWords(error));
    } finally {
      this.loadingOlder.set(false);
    }
  }

  #events(events: StreamEvent[]): void {
    // A reset voids what came before it in the same batch.
    const reset = events.map(({ event }) => event).lastIndexOf("reset");
    if (reset >= 0) void this.reload();
    const news = events.slice(reset + 1).flatMap(parseEvent);
    if (news.length === 0) return;
    this.#since?.push(...news);
    this.gallery.update((gallery) => withEvents(gallery, news));
    this.opened.take(news);
    for (const event of news) this.#tell(event);
    this.#statsTimer ??= setTimeout(() => void this.#readStats(), STATS_EVERY_MS);
  }

  #accepted(upload: Upload, id: string, sha256: string | null): void {
    const image = justUploaded(id, upload.file.name, upload.file.size, sha256);
    this.gallery.update((gallery) => withUpload(gallery, image));
    const known = this.gallery.get().images.find((one) => one.id === id);
    this.#mine.add(id);
    // The stream may have been faster than the answer.
    if (known !== undefined) this.#tell({ kind: "image", image: known });
  }

  #tell(event: Event): void {
    if (event.kind === "purged" || !this.#mine.has(event.image.id) || event.image.status === "uploaded") return;
    const { image } = event;
    this.#mine.delete(image.id);
    const end = image.status === "processed" ? "is ready." : `failed. ${reasonInWords(image.failure?.reason)}`;
    this.announcer.say(`${nameOf(image)} ${end}`);
  }

  async #readStats(): Promise<void> {
    this.#statsTimer = null;
    const stats = await this.api.stats().catch(() => null);
    if (!this.#closed.signal.aborted) this.stats.set(stats);
  }
}

function parseEvent({ event, data }: StreamEvent): Event[] {
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch {
    return [];
  }
  if (event === "purged") {
    const id = text(object(json).id);
    return id === null ? [] : [{ kind: "purged", id }];
  }
  const image: Image | null = event === "image" ? parseImage(json) : null;
  return image === null ? [] : [{ kind: "image", image }];
}
