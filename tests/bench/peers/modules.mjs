// Loads a package from where the bench's packages are installed, which is not beside these scripts.

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(join(process.env.BENCH_NODE, "package.json"));

export async function loadFrom(name) {
  const loaded = await import(pathToFileURL(require.resolve(name)).href);
  return loaded.default ?? loaded;
}
