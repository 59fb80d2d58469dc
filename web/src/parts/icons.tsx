// The page's few drawings. All decorative: the words beside them say the same.

type Icon = { class?: string };

export function Lamp(props: Icon) {
  return (
    <svg class={`lamp ${props.class ?? ""}`} viewBox="0 0 32 32" aria-hidden="true">
      <path class="lamp-cord" d="M16 1v8" />
      <path class="lamp-glass" d="M9.5 19h13a6.5 6.5 0 0 1-13 0z" />
      <path class="lamp-shade" d="M3.5 20.5a12.5 12.5 0 0 1 25 0z" />
    </svg>
  );
}

export function Broken(props: Icon) {
  return (
    <svg class={`icon ${props.class ?? ""}`} viewBox="0 0 24 24" aria-hidden="true">
      <path d="M4 5h16v8l-3-2-3 4-3-3-3 3-4-2zM4 17l4 2 3-3 3 3 3-4 3 2v3H4z" />
    </svg>
  );
}

export function Back(props: Icon) {
  return (
    <svg class={`icon ${props.class ?? ""}`} viewBox="0 0 24 24" aria-hidden="true">
      <path d="M20 12H5m6-6-6 6 6 6" />
    </svg>
  );
}

export function Plus(props: Icon) {
  return (
    <svg class={`icon ${props.class ?? ""}`} viewBox="0 0 24 24" aria-hidden="true">
      <path d="M12 5v14M5 12h14" />
    </svg>
  );
}

export function Cross(props: Icon) {
  return (
    <svg class={`icon ${props.class ?? ""}`} viewBox="0 0 24 24" aria-hidden="true">
      <path d="M6 6l12 12M18 6 6 18" />
    </svg>
  );
}
