// sharp as an engine of the bench: a warm process, one thread, a job a line. `sharp.mjs each` makes every rendition by
// a call of its own, `sharp.mjs chained` decodes once and makes each rendition from the next larger one.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { loadFrom } from "./modules.mjs";

const sharp = await loadFrom("sharp");
const way = process.argv[2];
sharp.concurrency(1);
sharp.cache(false);

const encoded = (image, { format, quality }) =>
  format === "jpeg"
    ? image.jpeg({ quality, chromaSubsampling: "4:2:0", optimiseCoding: true, mozjpeg: false })
    : image.webp({ quality, effort: 4 });

const fitted = (image, side) =>
  image.resize({ width: side, height: side, fit: "inside", withoutEnlargement: true });

const ways = {
  async each(original, job) {
    const files = [];
    for (const side of job.sides) files.push(await encoded(fitted(sharp(original), side), job).toBuffer());
    return files;
  },
  async chained(original, job) {
    const files = [];
    let image = sharp(original);
    for (const side of job.sides) {
      const { data, info } = await fitted(image, side).raw().toBuffer({ resolveWithObject: true });
      const { width, height, channels } = info;
      image = sharp(data, { raw: { width, height, channels } });
      files.push(await encoded(image.clone(), job).toBuffer());
    }
    return files;
  },
};

async function answer(job) {
  const original = await readFile(job.input);
  const begun = process.cpuUsage();
  let files = [];
  for (let time = 0; time < job.repeat; time += 1) files = await ways[way](original, job);
  const { user, system } = process.cpuUsage(begun);
  if (job.out) {
    await Promise.all(files.map((file, at) => writeFile(join(job.out, `${job.sides[at]}.${job.format}`), file)));
  }
  return { done: { cpu_ms: (user + system) / 1000, bytes: files.map((file) => file.length) } };
}

const say = (words) => process.stdout.write(`${JSON.stringify(words)}\n`);
say({ versions: { sharp: sharp.versions.sharp, "sharp's libvips": sharp.versions.vips } });
for await (const line of createInterface({ input: process.stdin })) {
  say(await answer(JSON.parse(line)).catch((error) => ({ failed: String(error) })));
}
