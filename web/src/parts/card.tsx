// One image in the gallery: an empty frame when uploaded, the picture or the reason when it has come to its end.

import { Component } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import * as write from "../format";
import { nameOf, rendition, type Image } from "../image";
import { linkTo } from "../route";
import type { Thumbs } from "../thumbs";
import { reasonInWords } from "../words";
import { Broken } from "./icons";
import { Photo } from "./photo";

export interface CardProps {
  image: Image;
  thumbs: Thumbs;
}

/** Renders again only for news about its own image: a gallery of a thousand stays quick. */
export class Card extends Component<CardProps> {
  override shouldComponentUpdate(next: CardProps): boolean {
    return next.image !== this.props.image;
  }

  render() {
    return <Frame {...this.props} />;
  }
}

function Frame({ image, thumbs }: CardProps) {
  const frame = useRef<HTMLAnchorElement>(null);
  const near = useNear(frame);
  const name = nameOf(image);
  return (
    <a ref={frame} class={`card ${image.status}`} href={linkTo(image.id)} data-image={image.id}>
      <span class="frame">
        {image.status === "uploaded" && <span class="developing" />}
        {image.status === "failed" && <Broken />}
        {image.status === "processed" && near && (
          <Photo thumbs={thumbs} rendition={rendition(image, "thumb")} placeholder={image.placeholder} alt="" />
        )}
      </span>
      <span class="caption">
        <bdi class="card-name">{name}</bdi>
        <span class="card-note">{note(image)}</span>
      </span>
    </a>
  );
}

function note(image: Image): string {
  if (image.status === "uploaded") return "Developing…";
  if (image.status === "failed") return reasonInWords(image.failure?.reason);
  const { width, height, bytes } = image.source;
  const parts = [write.pixels(width, height), bytes === null ? null : write.bytes(bytes)];
  return parts.filter((part) => part !== null).join(" · ");
}

/** Whether the element is on the screen or about to be. */
function useNear(element: { current: Element | null }): boolean {
  const [near, setNear] = useState(false);
  useEffect(() => (element.current === null ? undefined : watch(element.current, setNear)), []);
  return near;
}

const watched = new WeakMap<Element, (near: boolean) => void>();
let observer: IntersectionObserver | null = null;

function watch(element: Element, tell: (near: boolean) => void): () => void {
  observer ??= new IntersectionObserver(
    (entries) => entries.forEach((entry) => watched.get(entry.target)?.(entry.isIntersecting)),
    { rootMargin: "600px 0px" },
  );
  const all = observer;
  watched.set(element, tell);
  all.observe(element);
  return () => {
    watched.delete(element);
    all.unobserve(element);
  };
}
