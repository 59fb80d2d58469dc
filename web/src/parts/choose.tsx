// The button that opens the file chooser.

import { useRef } from "preact/hooks";
import { Plus } from "./icons";

export function Choose({ onFiles, label }: { onFiles: (files: File[]) => void; label: string }) {
  const input = useRef<HTMLInputElement>(null);
  const chosen = () => {
    const field = input.current;
    if (field === null) return;
    onFiles([...(field.files ?? [])]);
    // The same file may be chosen again.
    field.value = "";
  };
  return (
    <>
      <button type="button" class="button primary" onClick={() => input.current?.click()}>
        <Plus />
        {label}
      </button>
      <input ref={input} type="file" multiple accept="image/*" hidden onChange={chosen} />
    </>
  );
}
