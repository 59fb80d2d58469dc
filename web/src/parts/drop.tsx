// The whole page takes dropped and pasted files; while something is dragged over it, it says so.

import { useEffect, useState } from "preact/hooks";
import { carriesFiles, filesOf } from "../drop";

export function DropAnywhere({ onFiles }: { onFiles: (files: File[]) => void }) {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const left = new AbortController();
    const on = <K extends keyof WindowEventMap>(name: K, act: (event: WindowEventMap[K]) => void) =>
      addEventListener(name, act, { signal: left.signal });
    on("dragover", (event) => {
      if (!carriesFiles(event.dataTransfer)) return;
      event.preventDefault();
      setOver(true);
    });
    // `relatedTarget` is null only when the pointer leaves the window.
    on("dragleave", (event) => event.relatedTarget === null && setOver(false));
    on("drop", (event) => {
      setOver(false);
      if (event.dataTransfer === null || !carriesFiles(event.dataTransfer)) return;
      event.preventDefault();
      void filesOf(event.dataTransfer).then(onFiles);
    });
    on("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length > 0) onFiles(files);
    });
    return () => left.abort();
  }, [onFiles]);
  return over ? (
    <div class="drop" aria-hidden="true">
      <p>Drop to develop</p>
    </div>
  ) : null;
}
