// The files on their way: a progress bar each, what went wrong in words, and what can be done about it.

import { useEffect } from "preact/hooks";
import * as write from "../format";
import { linkTo } from "../route";
import { useStore } from "../store";
import type { Upload, Uploads } from "../uploads";
import { Cross } from "./icons";

/** How long files that arrived stay listed once nothing is on its way any more. */
const LINGER_MS = 6000;
/** Rows drawn at once; the rest of a large drop is counted. */
const ROWS_MAX = 60;

export function Tray({ uploads }: { uploads: Uploads }) {
  const list = useStore(uploads.list);
  const arrived = list.filter(({ state }) => state.step === "accepted").length;
  const refused = list.filter(({ state }) => state.step === "refused").length;
  const busy = arrived + refused < list.length;
  useEffect(() => {
    if (busy || arrived === 0) return;
    const timer = setTimeout(() => uploads.clearAccepted(), LINGER_MS);
    return () => clearTimeout(timer);
  }, [uploads, busy, arrived]);
  if (list.length === 0) return null;
  const rows = inOrder(list).slice(0, ROWS_MAX);
  return (
    <section class="tray" aria-labelledby="tray-title">
      <h2 id="tray-title">{title(list.length, arrived, refused, busy)}</h2>
      <ul class="tray-list">
        {rows.map((upload) => (
          <Row key={upload.number} upload={upload} uploads={uploads} />
        ))}
      </ul>
      {list.length > rows.length && <p class="hint">and {write.plural(list.length - rows.length, "more file")}</p>}
    </section>
  );
}

function title(all: number, arrived: number, refused: number, busy: boolean): string {
  if (busy) return `Uploading ${arrived + refused + 1} of ${write.count(all)}`;
  if (arrived === 0) return `${write.plural(refused, "file")} not uploaded`;
  return refused === 0 ? `${write.plural(arrived, "file")} uploaded` : `${arrived} uploaded, ${refused} not`;
}

const ORDER: Record<Upload["state"]["step"], number> = { refused: 0, sending: 1, waiting: 1, queued: 2, accepted: 3 };

function inOrder(list: readonly Upload[]): Upload[] {
  return [...list].sort((a, b) => ORDER[a.state.step] - ORDER[b.state.step] || a.number - b.number);
}

function Row({ upload, uploads }: { upload: Upload; uploads: Uploads }) {
  const { file, state, number } = upload;
  const refused = state.step === "refused";
  return (
    <li class={`tray-row ${state.step}`}>
      <bdi class="tray-name">{file.name}</bdi>
      <span class="tray-state">{inWords(upload)}</span>
      {!refused && <progress class="bar" max={Math.max(1, file.size)} value={sent(upload)} aria-label={`Upload of ${file.name}`} />}
      <span class="tray-actions">
        {refused && state.retryable && (
          <button type="button" class="button small" onClick={() => uploads.retry(number)} aria-label={`Retry ${file.name}`}>
            Retry
          </button>
        )}
        {state.step === "accepted" ? (
          <a class="button small" href={linkTo(state.imageId)} aria-label={`View ${file.name}`}>View</a>
        ) : (
          <button
            type="button"
            class="button small quiet"
            onClick={() => uploads.remove(number)}
            aria-label={`${refused ? "Dismiss" : "Cancel"} ${file.name}`}
          >
            <Cross />
          </button>
        )}
      </span>
    </li>
  );
}

function sent({ file, state }: Upload): number {
  if (state.step === "accepted") return Math.max(1, file.size);
  return state.step === "sending" ? Math.min(state.sentBytes, file.size) : 0;
}

function inWords({ file, state }: Upload): string {
  switch (state.step) {
    case "queued":
      return `Waiting its turn · ${write.bytes(file.size)}`;
    case "sending":
      return state.sentBytes >= file.size
        ? "Storing…"
        : `${write.bytes(state.sentBytes)} of ${write.bytes(file.size)}`;
    case "waiting":
      return `${state.why} Trying again…`;
    case "accepted":
      return "Uploaded";
    case "refused":
      return state.why;
  }
}
