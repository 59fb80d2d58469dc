// The gallery: what is on its way, the totals, and every photo, newest first.

import { Card } from "../parts/card";
import { Choose } from "../parts/choose";
import { Lamp } from "../parts/icons";
import { StatsStrip } from "../parts/stats";
import { Tray } from "../parts/tray";
import { count, plural } from "../format";
import { IMAGES_MAX, type Gallery } from "../gallery";
import type { Session } from "../session";
import { useStore } from "../store";
import { FILES_MAX } from "../uploads";

export interface GalleryProps {
  session: Session;
  onFiles: (files: File[]) => void;
}

export function GalleryView({ session, onFiles }: GalleryProps) {
  const gallery = useStore(session.gallery);
  const stats = useStore(session.stats);
  const error = useStore(session.listError);
  const leftOut = useStore(session.leftOut);
  const empty = gallery.loaded && gallery.images.length === 0;
  return (
    <>
      <div class="heading">
        <h1>Photos</h1>
        {!empty && <p class="hint drop-hint">Drop files anywhere, or</p>}
        {!empty && <Choose label="Add photos" onFiles={onFiles} />}
      </div>
      {leftOut > 0 && (
        <p class="notice">
          {plural(leftOut, "file")} left out: at most {FILES_MAX} can wait at a time. Add them when these are through.
        </p>
      )}
      <StatsStrip stats={stats} />
      <Tray uploads={session.uploads} />
      {error !== null && (
        <p class="notice" role="alert">
          The list couldn’t be read. {error}{" "}
          <button type="button" class="button small" onClick={() => void session.reload()}>
            Try again
          </button>
        </p>
      )}
      {empty && <Empty onFiles={onFiles} />}
      {!gallery.loaded && gallery.images.length === 0 && error === null && <Waiting />}
      <Grid session={session} gallery={gallery} />
      <Older session={session} gallery={gallery} />
    </>
  );
}

function Grid({ session, gallery }: { session: Session; gallery: Gallery }) {
  if (gallery.images.length === 0) return null;
  return (
    <ul class="grid" aria-label="Photos, newest first">
      {gallery.images.map((image) => (
        <li key={image.id}>
          <Card image={image} thumbs={session.thumbs} />
        </li>
      ))}
    </ul>
  );
}

function Empty({ onFiles }: { onFiles: (files: File[]) => void }) {
  return (
    <div class="empty">
      <Lamp class="empty-lamp" />
      <p class="empty-title">The darkroom is ready</p>
      <p class="hint">Drop photos anywhere on this page and watch them develop: JPEG, PNG, WebP or GIF.</p>
      <Choose label="Choose photos" onFiles={onFiles} />
    </div>
  );
}

function Waiting() {
  return (
    <div class="grid" role="img" aria-label="Reading the list">
      {Array.from({ length: 6 }, (_, index) => (
        <span key={index} class="card ghost">
          <span class="frame" />
        </span>
      ))}
    </div>
  );
}

function Older({ session, gallery }: { session: Session; gallery: Gallery }) {
  const loading = useStore(session.loadingOlder);
  if (gallery.trimmed) {
    return <p class="hint end">This page keeps the newest {count(IMAGES_MAX)} photos.</p>;
  }
  if (gallery.cursor === null) return null;
  return (
    <p class="end">
      <button type="button" class="button" aria-disabled={loading} onClick={() => void session.loadOlder()}>
        {loading ? "Loading…" : "Load more"}
      </button>
    </p>
  );
}
