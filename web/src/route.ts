// Owns what the address bar's fragment means: a token (taken once, then removed), the gallery, or one image's page.

export type Route = { page: "gallery" } | { page: "image"; id: string };

/** Reads the route; whatever is not an image's address is the gallery. */
export function parseRoute(fragment: string): Route {
  const match = /^#\/image\/([0-9A-Za-z-]{1,64})$/.exec(fragment);
  return match?.[1] === undefined ? { page: "gallery" } : { page: "image", id: match[1] };
}

export function linkTo(id: string): string {
  return `#/image/${encodeURIComponent(id)}`;
}

/** The token in `#token=...`, if the fragment carries one. */
export function tokenIn(fragment: string): string | null {
  if (!fragment.startsWith("#token=")) return null;
  return cleanToken(new URLSearchParams(fragment.slice(1)).get("token") ?? "");
}

/** What a person pastes: a bare token, `Bearer ...`, or the whole address that was printed. */
export function cleanToken(pasted: string): string | null {
  const tail = pasted.includes("#token=") ? pasted.slice(pasted.indexOf("#token=") + 7) : pasted;
  const token = tail.replace(/^\s*bearer\s+/i, "").replace(/\s+/g, "");
  // Only what RFC 6750 allows in a header, so that a stray character is told here and not by an exception.
  return /^[A-Za-z0-9\-._~+/]+=*$/.test(token) ? token : null;
}
