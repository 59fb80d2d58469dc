// Owns what an image is to the page, and the one place where an answer's JSON becomes one. A missing or odd field is
// `null`, never a crash; an answer without an id is no image. Knows nothing about HTTP or the screen.

export type Status = "uploaded" | "processed" | "failed";

export interface Source {
  format: string | null;
  width: number | null;
  height: number | null;
  bytes: number | null;
  sha256: string | null;
  filename: string | null;
}

export interface Rendition {
  name: string;
  format: string | null;
  width: number | null;
  height: number | null;
  bytes: number | null;
  /** A path on this origin; the token is never sent anywhere else. */
  url: string;
}

export interface Placeholder {
  /** In base64. */
  thumbhash: string | null;
  /** `#rrggbb`. */
  dominantColour: string | null;
}

export interface Image {
  id: string;
  status: Status;
  source: Source;
  renditions: Rendition[];
  /** What stands for the picture until it has arrived; `null` unless the image's recipe asks for it. */
  placeholder: Placeholder | null;
  failure: { reason: string; detail: string | null } | null;
  uploadedAt: string | null;
  processedAt: string | null;
  expiresAt: string | null;
}

type Json = Record<string, unknown>;

/** Reads the JSON of `GET /v1/images/{id}`; `null` when it is not an image. */
export function parseImage(json: unknown): Image | null {
  const it = object(json);
  const id = text(it.id);
  const status = text(it.status);
  if (id === null || (status !== "uploaded" && status !== "processed" && status !== "failed")) return null;
  return {
    id,
    status,
    source: parseSource(it.source),
    renditions: list(it.renditions).flatMap((one) => parseRendition(id, one)),
    placeholder: parsePlaceholder(it.placeholder),
    failure: parseFailure(it.failure),
    uploadedAt: text(it.uploaded_at),
    processedAt: text(it.processed_at),
    expiresAt: text(it.expires_at),
  };
}

/** The image as known right after `202`, before the first event about it. */
export function justUploaded(id: string, filename: string, bytes: number, sha256: string | null): Image {
  return {
    id,
    status: "uploaded",
    source: { format: null, width: null, height: null, bytes, sha256, filename },
    renditions: [],
    placeholder: null,
    failure: null,
    uploadedAt: new Date().toISOString(),
    processedAt: null,
    expiresAt: null,
  };
}

/** What the image is called on the page. */
export function nameOf(image: Image): string {
  return image.source.filename?.trim() || `Photo ${image.id.slice(-6)}`;
}

/** The rendition with this name, or the smallest there is. */
export function rendition(image: Image, name: string): Rendition | undefined {
  return image.renditions.find((one) => one.name === name) ?? image.renditions[0];
}

function parseSource(json: unknown): Source {
  const it = object(json);
  return {
    format: text(it.format),
    width: size(it.width),
    height: size(it.height),
    bytes: size(it.bytes),
    sha256: text(it.sha256),
    filename: text(it.filename),
  };
}

function parseRendition(id: string, json: unknown): Rendition[] {
  const it = object(json);
  const name = text(it.name);
  if (name === null) return [];
  const given = text(it.url);
  const own = `/v1/images/${encodeURIComponent(id)}/renditions/${encodeURIComponent(name)}`;
  return [
    {
      name,
      format: text(it.format),
      width: size(it.width),
      height: size(it.height),
      bytes: size(it.bytes),
      url: given?.startsWith("/v1/") ? given : own,
    },
  ];
}

function parsePlaceholder(json: unknown): Placeholder | null {
  const it = object(json);
  const thumbhash = text(it.thumbhash);
  const colour = text(it.dominant_colour);
  const dominantColour = colour !== null && /^#[0-9a-f]{6}$/.test(colour) ? colour : null;
  return thumbhash === null && dominantColour === null ? null : { thumbhash, dominantColour };
}

function parseFailure(json: unknown): Image["failure"] {
  const it = object(json);
  const reason = text(it.reason);
  return reason === null ? null : { reason, detail: text(it.detail) };
}

export function object(json: unknown): Json {
  return typeof json === "object" && json !== null ? (json as Json) : {};
}

export function list(json: unknown): unknown[] {
  return Array.isArray(json) ? json : [];
}

export function text(json: unknown): string | null {
  return typeof json === "string" && json !== "" ? json : null;
}

export function size(json: unknown): number | null {
  return typeof json === "number" && Number.isFinite(json) && json >= 0 ? json : null;
}
