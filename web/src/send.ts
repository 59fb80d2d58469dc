// Owns one attempt to upload one file: a raw POST with progress. XMLHttpRequest, because fetch reports no upload
// progress. Decides nothing about retries.

export interface Attempt {
  file: File;
  key: string;
  authorization: string;
  onProgress: (sentBytes: number) => void;
  signal: AbortSignal;
}

export type Outcome =
  | { kind: "answer"; status: number; body: unknown; retryAfter: string | null }
  | { kind: "lost" }
  | { kind: "cancelled" };

/** Neither progress nor an answer for this long: the connection counts as lost. */
const STALL_MAX_MS = 90_000;

const TYPES: Readonly<Record<string, string>> = {
  avif: "image/avif",
  bmp: "image/bmp",
  gif: "image/gif",
  heic: "image/heic",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  jxl: "image/jxl",
  png: "image/png",
  tif: "image/tiff",
  tiff: "image/tiff",
  webp: "image/webp",
};

/** Posts the file once. Never rejects: what can happen is in the outcome. */
export function send(attempt: Attempt): Promise<Outcome> {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    let timer = setTimeout(() => request.abort(), STALL_MAX_MS);
    const end = (outcome: Outcome) => {
      clearTimeout(timer);
      attempt.signal.removeEventListener("abort", cancel);
      resolve(outcome);
    };
    const cancel = () => request.abort();
    request.upload.onprogress = (event) => {
      clearTimeout(timer);
      timer = setTimeout(cancel, STALL_MAX_MS);
      attempt.onProgress(event.loaded);
    };
    request.onload = () => end(answer(request));
    request.onerror = () => end({ kind: "lost" });
    request.onabort = () => end({ kind: attempt.signal.aborted ? "cancelled" : "lost" });
    if (attempt.signal.aborted) return end({ kind: "cancelled" });
    attempt.signal.addEventListener("abort", cancel);
    request.open("POST", `/v1/images?${new URLSearchParams({ filename: attempt.file.name })}`);
    request.setRequestHeader("Authorization", attempt.authorization);
    request.setRequestHeader("Content-Type", typeOf(attempt.file));
    request.setRequestHeader("Idempotency-Key", attempt.key);
    request.setRequestHeader("Accept", "application/json, application/problem+json");
    request.send(attempt.file);
  });
}

/** The file's own type, else a guess by its name. The server decides by the bytes in any case. */
export function typeOf(file: { name: string; type: string }): string {
  if (file.type !== "") return file.type;
  return TYPES[file.name.split(".").at(-1)?.toLowerCase() ?? ""] ?? "application/octet-stream";
}

function answer(request: XMLHttpRequest): Outcome {
  let body: unknown = null;
  try {
    body = JSON.parse(request.responseText);
  } catch {
    // An answer without JSON, from a proxy say: the status speaks.
  }
  return { kind: "answer", status: request.status, body, retryAfter: request.getResponseHeader("Retry-After") };
}
