// The screen without a token: says where to get one and takes it.

import { useRef, useState } from "preact/hooks";
import { Lamp } from "../parts/icons";
import { cleanToken } from "../route";

export function TokenView({ refused, onToken }: { refused: boolean; onToken: (token: string) => void }) {
  const field = useRef<HTMLInputElement>(null);
  const [error, setError] = useState<string | null>(null);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const token = cleanToken(field.current?.value ?? "");
    if (token !== null) return onToken(token);
    setError("That doesn’t look like a token. Paste the whole line that the command printed.");
    field.current?.focus();
  };
  return (
    <main class="door">
      <Lamp class="door-lamp" />
      <h1>Safelight</h1>
      {refused ? (
        <p role="alert" class="notice">Your token is no longer valid: it may have expired. Get a fresh one to go on.</p>
      ) : (
        <p class="lead">Upload photos, watch their renditions arrive. To see yours, this page needs a token.</p>
      )}
      <form onSubmit={submit} noValidate>
        <p>
          Get one in a terminal, next to the running stack:
          <code class="command">safelight token</code>
        </p>
        <label for="token">Token</label>
        <div class="door-row">
          <input
            id="token"
            ref={field}
            class="field"
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            placeholder="eyJhbGciOi…"
            aria-invalid={error !== null}
            aria-describedby={error === null ? "token-hint" : "token-error token-hint"}
          />
          <button type="submit" class="button primary">Open</button>
        </div>
        {error !== null && <p id="token-error" role="alert" class="error">{error}</p>}
        <p id="token-hint" class="hint">It stays in this tab’s memory and is forgotten when you close or reload it.</p>
      </form>
    </main>
  );
}
