// One image's page: the picture, its renditions, where it came from, and its times. Esc goes back to the gallery.

import { useEffect, useRef, useState } from "preact/hooks";
import { Back, Broken } from "../parts/icons";
import { Facts, Renditions } from "../parts/facts";
import { Photo } from "../parts/photo";
import { nameOf, rendition, type Image } from "../image";
import type { View } from "../opened";
import type { Session } from "../session";
import { useStore } from "../store";
import { reasonInWords } from "../words";

export function ImageView({ session, id }: { session: Session; id: string }) {
  const view = useStore(session.opened.view);
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    session.opened.show(id);
    scrollTo(0, 0);
    title.current?.focus({ preventScroll: true });
    return () => session.opened.close();
  }, [session, id]);
  useEscape();
  const name = view.state === "shown" ? nameOf(view.image) : TITLES[view.state];
  useEffect(() => {
    document.title = `${name} · Safelight`;
  }, [name]);
  return (
    <article class="one">
      <p class="one-back">
        <a class="button small" href="#/">
          <Back />
          All photos
        </a>
      </p>
      <h1 ref={title} tabIndex={-1}>
        <bdi>{name}</bdi>
      </h1>
      {view.state === "gone" && <p class="lead">It may have been erased, or it never was yours to see.</p>}
      {view.state === "error" && <Trouble why={view.why} onRetry={() => session.opened.show(id)} />}
      {view.state === "shown" && <Sheet session={session} image={view.image} />}
    </article>
  );
}

const TITLES: Record<Exclude<View["state"], "shown">, string> = {
  none: "Reading…",
  reading: "Reading…",
  gone: "There is no such photo",
  error: "This photo can’t be shown",
};

function Trouble({ why, onRetry }: { why: string; onRetry: () => void }) {
  return (
    <p class="notice" role="alert">
      {why}{" "}
      <button type="button" class="button small" onClick={onRetry}>
        Try again
      </button>
    </p>
  );
}

function Sheet({ session, image }: { session: Session; image: Image }) {
  const [chosen, setChosen] = useState("medium");
  return (
    <div class="sheet">
      <figure class={`plate ${image.status}`}>
        {image.status === "processed" && (
          <Photo
            thumbs={session.thumbs}
            rendition={rendition(image, chosen)}
            meanwhile={rendition(image, "thumb")}
            placeholder={image.placeholder}
            alt={nameOf(image)}
          />
        )}
        {image.status === "uploaded" && <Developing />}
        {image.status === "failed" && <Failure image={image} />}
      </figure>
      <div class="facts">
        {image.renditions.length > 0 && (
          <Renditions session={session} image={image} chosen={rendition(image, chosen)?.name ?? ""} onChoose={setChosen} />
        )}
        <Facts image={image} />
      </div>
    </div>
  );
}

function Developing() {
  return (
    <>
      <span class="developing" />
      <figcaption class="plate-words">Developing… the renditions appear here as soon as they are made.</figcaption>
    </>
  );
}

function Failure({ image }: { image: Image }) {
  return (
    <>
      <Broken />
      <figcaption class="plate-words">
        <strong>{reasonInWords(image.failure?.reason)}</strong>
        {image.failure !== null && (
          <span class="hint">
            Reason: <code>{image.failure.reason}</code>
            {image.failure.detail !== null && <> · {image.failure.detail}</>}
          </span>
        )}
      </figcaption>
    </>
  );
}

function useEscape(): void {
  useEffect(() => {
    const close = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.defaultPrevented) location.hash = "#/";
    };
    addEventListener("keydown", close);
    return () => removeEventListener("keydown", close);
  }, []);
}
