// Owns every sentence that explains a failure or a refusal to the person at the screen. Codes come from the HTTP
// contract; an unknown code falls back to the status, then to the server's own title and detail.

import * as write from "./format";
import { object, text } from "./image";

/** The contract's closed set of failure reasons, in plain words. */
export const REASONS: Readonly<Record<string, string>> = {
  unsupported_format: "This isn’t a kind of image Safelight can open.",
  corrupt: "The file is damaged and can’t be opened.",
  truncated: "The file is cut short: part of the picture is missing.",
  pixels_too_many: "The picture has more pixels than Safelight accepts.",
  dimensions_too_large: "The picture is too wide or too tall.",
  frames_too_many: "The animation has too many frames.",
  decode_timeout: "Opening the picture took too long, so it was stopped.",
  decode_memory: "Opening the picture needed too much memory, so it was stopped.",
  decoder_crashed: "The decoder crashed on this file, or its recipe’s program failed; it was set aside.",
  checksum_mismatch: "The stored bytes don’t match what was sent.",
  original_missing: "The original file is gone.",
  expired: "The picture reached its expiry date before it was processed.",
  message_malformed: "The message that announced this picture couldn’t be read.",
  schema_unknown: "The message that announced this picture uses an unknown format.",
  recipe_unknown: "The rendition recipe for this picture isn’t known here.",
};

/** One sentence for a failure reason; a reason newer than this page is shown as it is. */
export function reasonInWords(reason: string | undefined): string {
  if (reason === undefined) return "The picture couldn’t be processed.";
  return REASONS[reason] ?? `The picture couldn’t be processed (${reason.replaceAll("_", " ")}).`;
}

const CODES: Readonly<Record<string, string>> = {
  overloaded: "Safelight is busy right now. Nothing was stored.",
  outcome_unknown: "Safelight couldn’t confirm that the file was stored. Retrying is safe: it never makes a second copy.",
  pixels_too_many: "The picture has more pixels than Safelight accepts.",
  dimensions_too_large: "The picture is too wide or too tall.",
  unsupported_format: "This isn’t a kind of image Safelight accepts: JPEG, PNG, GIF or WebP.",
  empty_body: "The file is empty.",
  upload_in_flight: "An earlier attempt for this file is still running.",
  idempotency_key_reused: "The file has changed since the first attempt. Add it again.",
  idempotency_key_expired: "The first attempt was too long ago. Add the file again.",
  checksum_mismatch: "The file arrived damaged. Try again.",
  unavailable: "Safelight can’t answer this right now.",
  keys_unavailable: "Safelight can’t check tokens right now.",
  too_many_requests: "Too many requests in a short time.",
};

const STATUSES: Readonly<Record<number, string>> = {
  400: "The server couldn’t make sense of this upload.",
  401: "Your token is no longer valid.",
  403: "Your token doesn’t allow this.",
  404: "There is nothing here.",
  408: "The upload was too slow and timed out.",
  409: "An earlier attempt for this file is still running.",
  411: "The server needs to know the file’s size first.",
  413: "The file is larger than Safelight accepts.",
  415: "This isn’t a kind of image Safelight accepts.",
  429: "Too many uploads at once.",
  500: "Something went wrong on the server.",
  502: "The server can’t be reached right now.",
  503: "Safelight is busy right now.",
  504: "The server took too long to answer.",
};

/** Says why a request was refused, from its status and its problem+json body. */
export function refusalInWords(status: number, body: unknown): string {
  const problem = object(body);
  const code = text(problem.code);
  const known = code === null ? undefined : CODES[code];
  if (known !== undefined) return known;
  const bytesMax = /(\d+) bytes/.exec(text(problem.detail) ?? "")?.[1];
  if (status === 413 && bytesMax !== undefined) {
    return `The file is larger than ${write.bytes(Number(bytesMax))}, the most Safelight accepts.`;
  }
  // A 422 has no one meaning: there the server's own words say more than any of ours.
  const fallback = STATUSES[status];
  if (fallback !== undefined) return fallback;
  return text(problem.detail) ?? text(problem.title) ?? `The server refused the file (${status}).`;
}

export const CONNECTION_LOST = "The connection to the server was lost.";
