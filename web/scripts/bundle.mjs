// Owns how the sources become the served folder: one hashed script, one hashed stylesheet, one hashed icon and an
// index.html that names them. The same sources and lock file give the same bytes, whatever the folder.

import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export const root = resolve(fileURLToPath(new URL("..", import.meta.url)));

const BUNDLED = Object.keys(JSON.parse(await readFile(join(root, "package.json"), "utf8")).dependencies).sort();
/** Packages that are published without their licence; its text is kept in licenses/. */
const UNLICENSED = ["thumbhash"];

/** Empties `outdir` and writes the whole served folder into it. */
export async function bundle(outdir) {
  await rm(outdir, { recursive: true, force: true });
  await mkdir(join(outdir, "assets"), { recursive: true });
  const app = await scripts(outdir);
  const icon = await hashed(outdir, "src/icon.svg");
  const template = await readFile(join(root, "src/index.html"), "utf8");
  const html = template
    .replace("{{script}}", `/assets/${app.js}`)
    .replace("{{style}}", `/assets/${app.css}`)
    .replace("{{icon}}", `/assets/${icon}`);
  await writeFile(join(outdir, "index.html"), html);
  await writeFile(join(outdir, "assets", "licenses.txt"), await licenses());
}

async function scripts(outdir) {
  const result = await build({
    absWorkingDir: root,
    entryPoints: { app: "src/main.tsx" },
    outdir,
    entryNames: "assets/[name]-[hash]",
    bundle: true,
    minify: true,
    format: "esm",
    target: ["es2022", "chrome116", "firefox124", "safari17.4"],
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    charset: "utf8",
    metafile: true,
    logLevel: "warning",
  });
  const names = Object.keys(result.metafile.outputs).map((path) => basename(path));
  const one = (suffix) => names.find((name) => name.endsWith(suffix));
  return { js: one(".js"), css: one(".css") };
}

async function hashed(outdir, source) {
  const bytes = await readFile(join(root, source));
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 8).toUpperCase();
  const [stem, extension] = basename(source).split(".");
  const name = `${stem}-${hash}.${extension}`;
  await writeFile(join(outdir, "assets", name), bytes);
  return name;
}

async function licenses() {
  const texts = await Promise.all(
    BUNDLED.map(async (name) => {
      const path = UNLICENSED.includes(name) ? ["licenses", name] : ["node_modules", name, "LICENSE"];
      const text = await readFile(join(root, ...path), "utf8");
      return `${name}\n\n${text.trim()}\n`;
    }),
  );
  return texts.join("\n----\n\n");
}
