// Owns which images the page shows and in what order: newest first, each once, however list answers and live events
// interleave. Pure values in, values out. Knows nothing about HTTP or the screen.

import type { Image, Status } from "./image";

/** Images kept on the page; past it the oldest are dropped and `trimmed` says so. */
export const IMAGES_MAX = 1000;
/** Ids of purged images remembered, so that a list answer already on its way cannot bring one back. */
const PURGED_MAX = 2000;

export interface Gallery {
  /** Newest first. Ids are UUIDv7: their order is the order of upload. */
  images: readonly Image[];
  /** Where "load more" goes on; `null` at the end. */
  cursor: string | null;
  purged: ReadonlySet<string>;
  loaded: boolean;
  trimmed: boolean;
}

export interface Page {
  images: Image[];
  cursor: string | null;
}

export const EMPTY: Gallery = { images: [], cursor: null, purged: new Set(), loaded: false, trimmed: false };

export type Event = { kind: "image"; image: Image } | { kind: "purged"; id: string };

/** Takes a batch of live events, in their order. */
export function withEvents(gallery: Gallery, events: readonly Event[]): Gallery {
  const known = new Map(gallery.images.map((image) => [image.id, image]));
  const purged = new Set(gallery.purged);
  for (const event of events) {
    if (event.kind === "purged") {
      purged.add(event.id);
      known.delete(event.id);
    } else if (!purged.has(event.image.id) && !beyondTheLoaded(gallery, event.image.id)) {
      known.set(event.image.id, later(known.get(event.image.id), event.image));
    }
  }
  return bounded({ ...gallery, purged: newestOf(purged) }, known);
}

/** Adds an older page, as "load more" fetched it. */
export function withOlder(gallery: Gallery, page: Page): Gallery {
  const known = new Map(gallery.images.map((image) => [image.id, image]));
  merge(known, page.images, gallery.purged);
  return bounded({ ...gallery, cursor: page.cursor, loaded: true }, known);
}

/**
 * Starts over from the newest page. `since` holds the events that came while the page was on its way; what was shown
 * before and is in neither is gone.
 */
export function reloaded(gallery: Gallery, page: Page, since: readonly Event[]): Gallery {
  const known = new Map<string, Image>();
  merge(known, page.images, gallery.purged);
  const fresh = { ...gallery, images: [...known.values()], cursor: page.cursor, loaded: true, trimmed: false };
  return withEvents(fresh, since);
}

/** Puts in an image this page has just uploaded, unless more is known about it already. */
export function withUpload(gallery: Gallery, image: Image): Gallery {
  if (gallery.images.some((one) => one.id === image.id)) return gallery;
  return withEvents(gallery, [{ kind: "image", image }]);
}

const RANK: Record<Status, number> = { uploaded: 0, failed: 1, processed: 2 };

/** Which of two views of one image stands: processed replaces anything, and nothing final goes back. */
export function later(known: Image | undefined, news: Image): Image {
  return known !== undefined && RANK[known.status] > RANK[news.status] ? known : news;
}

/** News about an image in a page not yet loaded: "load more" will bring it, in its place. */
function beyondTheLoaded(gallery: Gallery, id: string): boolean {
  const oldest = gallery.images.at(-1);
  return (gallery.cursor !== null || gallery.trimmed) && oldest !== undefined && id < oldest.id;
}

function merge(known: Map<string, Image>, images: readonly Image[], purged: ReadonlySet<string>): void {
  for (const image of images) {
    if (!purged.has(image.id)) known.set(image.id, later(known.get(image.id), image));
  }
}

function bounded(gallery: Gallery, known: ReadonlyMap<string, Image>): Gallery {
  const images = [...known.values()].sort((a, b) => (a.id < b.id ? 1 : a.id > b.id ? -1 : 0));
  const trimmed = gallery.trimmed || images.length > IMAGES_MAX;
  return { ...gallery, images: images.slice(0, IMAGES_MAX), trimmed };
}

function newestOf(ids: Set<string>): Set<string> {
  return ids.size <= PURGED_MAX ? ids : new Set([...ids].slice(-PURGED_MAX));
}
