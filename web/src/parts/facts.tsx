// What is known about an image, in tables: its renditions, its source, its times.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import * as write from "../format";
import { nameOf, type Image, type Rendition } from "../image";
import type { Session } from "../session";

export interface RenditionsProps {
  session: Session;
  image: Image;
  chosen: string;
  onChoose: (name: string) => void;
}

export function Renditions({ session, image, chosen, onChoose }: RenditionsProps) {
  const [trouble, setTrouble] = useState<string | null>(null);
  const save = (one: Rendition) => {
    setTrouble(null);
    download(session, image, one).catch(() => setTrouble(`The ${one.name} rendition couldn’t be downloaded.`));
  };
  return (
    <section aria-labelledby="renditions-title">
      <h2 id="renditions-title">Renditions</h2>
      <ul class="renditions">
        {image.renditions.map((one) => (
          <li key={one.name}>
            <button type="button" class="pick" aria-pressed={one.name === chosen} onClick={() => onChoose(one.name)}>
              <span class="pick-name">{one.name}</span>
              <span class="pick-size">{write.pixels(one.width, one.height)}</span>
              <span class="pick-bytes">
                {[one.format && write.format(one.format), one.bytes && write.bytes(one.bytes)].filter(Boolean).join(" · ")}
              </span>
            </button>
            <button type="button" class="button small" onClick={() => save(one)} aria-label={`Download ${one.name}`}>
              Download
            </button>
          </li>
        ))}
      </ul>
      {trouble !== null && <p class="error" role="alert">{trouble}</p>}
    </section>
  );
}

async function download(session: Session, image: Image, one: Rendition): Promise<void> {
  const use = session.thumbs.acquire(one.url);
  try {
    const link = document.createElement("a");
    link.href = await use.ready;
    const stem = nameOf(image).replace(/\.[^.]+$/, "");
    link.download = `${stem}-${one.name}.${{ jpeg: "jpg" }[one.format ?? ""] ?? one.format ?? "jpg"}`;
    link.click();
  } finally {
    // The browser reads the blob after the click; the bytes stay within the idle bound until then.
    setTimeout(use.release, 10_000);
  }
}

const TICK_MS = 20_000;

export function Facts({ image }: { image: Image }) {
  const now = useNow();
  const { source } = image;
  const took = write.between(image.uploadedAt, image.processedAt);
  return (
    <>
      <section aria-labelledby="source-title">
        <h2 id="source-title">Original</h2>
        <dl class="table">
          <Fact name="File">{source.filename !== null && <bdi>{source.filename}</bdi>}</Fact>
          <Fact name="Format">{source.format !== null && write.format(source.format)}</Fact>
          <Fact name="Pixels">{write.pixels(source.width, source.height)}</Fact>
          <Fact name="Size">{source.bytes !== null && write.bytes(source.bytes)}</Fact>
          <Fact name="SHA-256">{source.sha256 !== null && <code class="long">{source.sha256}</code>}</Fact>
          <Fact name="Id">
            <code class="long">{image.id}</code>
          </Fact>
        </dl>
      </section>
      <section aria-labelledby="times-title">
        <h2 id="times-title">Times</h2>
        <dl class="table">
          <Fact name="Uploaded">{image.uploadedAt !== null && <Moment at={image.uploadedAt} />}</Fact>
          <Fact name={image.status === "failed" ? "Failed" : "Processed"}>
            {image.processedAt !== null && <Moment at={image.processedAt} />}
          </Fact>
          <Fact name="Took">{took !== null && write.duration(took)}</Fact>
          <Fact name="Erased">
            {image.expiresAt !== null && (
              <time dateTime={image.expiresAt} title={write.moment(image.expiresAt)}>
                {write.until(image.expiresAt, now)}
              </time>
            )}
          </Fact>
        </dl>
      </section>
    </>
  );
}

/** A line of the table; nothing when there is nothing to say. */
function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  if (children === null || children === false || children === undefined) return null;
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Moment({ at }: { at: string }) {
  return <time dateTime={at}>{write.moment(at)}</time>;
}

function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}
