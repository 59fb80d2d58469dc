// What surrounds every view with a token: the header with the connection's state, the drop target, the spoken news.

import { useCallback, useEffect, useRef } from "preact/hooks";
import { DropAnywhere } from "../parts/drop";
import { Lamp } from "../parts/icons";
import { plural } from "../format";
import type { Route } from "../route";
import type { Session } from "../session";
import { useStore } from "../store";
import type { Connection } from "../stream";
import { FILES_MAX } from "../uploads";
import { GalleryView } from "./gallery";
import { ImageView } from "./image";

export function Shell({ session, route }: { session: Session; route: Route }) {
  const onFiles = useCallback(
    (files: File[]) => {
      const left = session.uploads.add(files);
      if (left > 0) session.announcer.say(`${plural(left, "file")} left out: at most ${FILES_MAX} at a time.`);
      session.leftOut.set(left);
    },
    [session],
  );
  const image = route.page === "image" ? route.id : null;
  useReturn(image);
  return (
    <>
      <SkipLink />
      <header class="top">
        <a class="brand" href="#/">
          <Lamp />
          Safelight
        </a>
        <ConnectionState session={session} />
      </header>
      <main id="main" tabIndex={-1}>
        <div hidden={image !== null}>
          <GalleryView session={session} onFiles={onFiles} />
        </div>
        {image !== null && <ImageView key={image} session={session} id={image} />}
      </main>
      <footer class="foot">
        <p>Photos don’t stay here for ever: each one’s page says when it is erased.</p>
      </footer>
      <Spoken session={session} />
      <DropAnywhere onFiles={onFiles} />
    </>
  );
}

/** Back from an image, the gallery is where it was and its card has the focus. */
function useReturn(image: string | null): void {
  const last = useRef<{ image: string | null; scrollY: number }>({ image: null, scrollY: 0 });
  // Before the new view is laid out, the page still stands where the gallery was left.
  if (image !== null && last.current.image === null) last.current.scrollY = scrollY;
  useEffect(() => {
    const before = last.current;
    if (image === null && before.image !== null) {
      document.title = "Safelight";
      scrollTo(0, before.scrollY);
      const card = document.querySelector<HTMLElement>(`[data-image="${CSS.escape(before.image)}"]`);
      (card ?? document.getElementById("main"))?.focus({ preventScroll: card === null });
    }
    last.current = { image, scrollY: before.scrollY };
  }, [image]);
}

function SkipLink() {
  const skip = (event: Event) => {
    // The fragment is the route here, so the jump is made by hand.
    event.preventDefault();
    document.getElementById("main")?.focus();
  };
  return (
    <a class="skip" href="#main" onClick={skip}>
      Skip to content
    </a>
  );
}

const CONNECTION: Record<Connection, string> = {
  connecting: "Connecting…",
  live: "Live",
  waiting: "Reconnecting…",
};

function ConnectionState({ session }: { session: Session }) {
  const state = useStore(session.connection);
  return <p class={`connection ${state}`}>{CONNECTION[state]}</p>;
}

function Spoken({ session }: { session: Session }) {
  return (
    <p class="spoken" role="status">
      {useStore(session.announcer.spoken)}
    </p>
  );
}
