// Owns the token's way in and the session it opens: from the address bar (then removed from it) or by hand, kept in
// memory only. A refused token closes the session and asks for another.

import { useEffect, useState } from "preact/hooks";
import { parseRoute, tokenIn, type Route } from "./route";
import { Session } from "./session";
import { Shell } from "./views/shell";
import { TokenView } from "./views/token";

export function App() {
  const [session, setSession] = useState<Session | null>(null);
  const [refused, setRefused] = useState(false);
  const [route, setRoute] = useState<Route>(() => parseRoute(location.hash));

  const start = (token: string) => {
    const fresh = new Session(token, () => {
      fresh.close();
      setRefused(true);
      setSession((current) => (current === fresh ? null : current));
    });
    setRefused(false);
    setSession((current) => {
      current?.close();
      return fresh;
    });
    fresh.open();
  };

  useEffect(() => {
    const follow = () => {
      const token = tokenIn(location.hash);
      // Out of the address bar and the history before anything else happens.
      if (token !== null) history.replaceState(null, "", location.pathname + location.search);
      setRoute(parseRoute(location.hash));
      if (token !== null) start(token);
    };
    follow();
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);

  return session === null ? <TokenView refused={refused} onToken={start} /> : <Shell session={session} route={route} />;
}
