// What stands for a picture until it has arrived: its blur, on its dominant colour.

import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Placeholder } from "../image";
import { pixelsOf } from "../placeholder";

export function Blur({ placeholder }: { placeholder: Placeholder }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { thumbhash, dominantColour } = placeholder;
  const pixels = useMemo(() => (thumbhash === null ? null : pixelsOf(thumbhash)), [thumbhash]);
  useEffect(() => {
    if (pixels === null) return;
    const image = new ImageData(pixels.rgba, pixels.width, pixels.height);
    canvas.current?.getContext("2d")?.putImageData(image, 0, 0);
  }, [pixels]);
  if (pixels === null) return <span class="blur" style={{ background: dominantColour ?? "" }} />;
  return <canvas ref={canvas} class="blur" width={pixels.width} height={pixels.height} aria-hidden="true" />;
}
