// Builds the page into dist/, which is committed and embedded in the sink, and says what it weighs.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { bundle, root } from "./bundle.mjs";

const dist = join(root, "dist");
await bundle(dist);
for (const name of (await readdir(dist, { recursive: true })).sort()) {
  if (!name.includes(".")) continue;
  const bytes = await readFile(join(dist, name));
  console.log(`${name.padEnd(32)} ${String(bytes.length).padStart(7)} B  ${gzipSync(bytes).length} B gz`);
}
