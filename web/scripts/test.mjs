// Runs every src/**/*.test.ts: bundled by the same esbuild as the page, then run by node's own test runner.

import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { root } from "./bundle.mjs";

const sources = (await readdir(join(root, "src"), { recursive: true }))
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => join(root, "src", name));
// Beside node_modules, so that a test's packages resolve.
const outdir = await mkdtemp(join(root, "node_modules", ".tests-"));
try {
  await build({
    absWorkingDir: root,
    entryPoints: sources,
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: "inline",
  });
  const files = (await readdir(outdir, { recursive: true })).filter((name) => name.endsWith(".test.mjs"));
  const run = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...files.map((name) => join(outdir, name))], {
    stdio: "inherit",
  });
  process.exitCode = run.status ?? 1;
} finally {
  await rm(outdir, { recursive: true, force: true });
}
