// A rendition on the screen: fetched with the token into a blob URL, held while shown, given back when not.

import { useEffect, useState } from "preact/hooks";
import type { Placeholder, Rendition } from "../image";
import type { Thumbs } from "../thumbs";
import { Blur } from "./blur";

const TRIES_MAX = 3;
const TRY_AGAIN_MS = 2000;

export type Shown = { url: string } | "coming" | "unavailable";

/** The blob URL of a rendition while it is wanted. */
export function useRendition(thumbs: Thumbs, rendition: Rendition | undefined): Shown {
  const [shown, setShown] = useState<{ of: string; what: Shown } | null>(null);
  const [tries, setTries] = useState(0);
  const url = rendition?.url;
  useEffect(() => {
    if (url === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let left = false;
    const failed = () => {
      if (left) return;
      if (tries + 1 < TRIES_MAX) timer = setTimeout(() => setTries(tries + 1), TRY_AGAIN_MS);
      else setShown({ of: url, what: "unavailable" });
    };
    const use = thumbs.acquire(url);
    use.ready.then((blob) => !left && setShown({ of: url, what: { url: blob } }), failed);
    return () => {
      left = true;
      clearTimeout(timer);
      use.release();
      setShown(null);
    };
  }, [thumbs, url, tries]);
  return shown !== null && shown.of === url ? shown.what : "coming";
}

export interface PhotoProps {
  thumbs: Thumbs;
  rendition: Rendition | undefined;
  /** Shown until `rendition` has arrived, because it is here already. */
  meanwhile?: Rendition | undefined;
  /** Shown until either has. */
  placeholder?: Placeholder | null;
  alt: string;
}

export function Photo({ thumbs, rendition, meanwhile, placeholder, alt }: PhotoProps) {
  const wanted = useRendition(thumbs, rendition);
  const first = useRendition(thumbs, meanwhile?.url === rendition?.url ? undefined : meanwhile);
  const shown = typeof wanted === "object" ? wanted : first;
  if (typeof shown === "object") {
    const { width, height } = rendition ?? {};
    return <img class="photo" src={shown.url} alt={alt} width={width ?? undefined} height={height ?? undefined} decoding="async" />;
  }
  if (wanted === "unavailable") return <p class="photo-missing">The picture can’t be shown right now.</p>;
  return (
    <span class="photo-coming" role="img" aria-label={`${alt} (loading)`}>
      {placeholder != null && <Blur placeholder={placeholder} />}
    </span>
  );
}
