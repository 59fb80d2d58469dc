// Owns the way from a ThumbHash to pixels. What is no hash is `null`, never a crash. Knows nothing about the screen.

import { thumbHashToRGBA } from "thumbhash";

const BYTES_MIN = 5;
const BYTES_MAX = 25;

export interface Pixels {
  width: number;
  height: number;
  rgba: Uint8ClampedArray<ArrayBuffer>;
}

/** The blurred picture of a ThumbHash in base64, at most 32 pixels a side. */
export function pixelsOf(thumbhash: string): Pixels | null {
  const bytes = bytesOf(thumbhash);
  if (bytes === null || bytes.length < BYTES_MIN || bytes.length > BYTES_MAX) return null;
  const { w, h, rgba } = thumbHashToRGBA(bytes);
  if (w < 1 || h < 1) return null;
  return { width: w, height: h, rgba: new Uint8ClampedArray(rgba) };
}

function bytesOf(base64: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}
