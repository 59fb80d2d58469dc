// Proves that the committed dist/ is what the sources build to: builds into a temporary folder and compares every
// file, byte for byte. A difference, a missing file or a stray one ends in exit code 1 and its name.

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundle, root } from "./bundle.mjs";

async function contents(folder) {
  const files = new Map();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    files.set(path.slice(folder.length + 1), await readFile(path));
  }
  return files;
}

const fresh = await mkdtemp(join(tmpdir(), "safelight-web-"));
try {
  await bundle(fresh);
  const [expected, committed] = [await contents(fresh), await contents(join(root, "dist"))];
  const names = [...new Set([...expected.keys(), ...committed.keys()])].sort();
  const wrong = names.filter((name) => !committed.get(name)?.equals(expected.get(name) ?? Buffer.alloc(0)) || !expected.has(name));
  for (const name of wrong) console.error(`dist/${name} differs from what the sources build to`);
  if (wrong.length > 0) console.error("run `npm run build` and commit dist/");
  else console.log(`dist/ matches the sources: ${names.length} files`);
  process.exitCode = wrong.length > 0 ? 1 : 0;
} finally {
  await rm(fresh, { recursive: true, force: true });
}
