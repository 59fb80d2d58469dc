// sharp as it is: its own opinion of what is damaged, the first frame, turned as EXIF says, in sRGB.

import { writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { loadFrom } from "../bench/peers/modules.mjs";

const sharp = await loadFrom("sharp");
sharp.concurrency(1);
sharp.cache(false);

async function look({ path, out }) {
  const image = sharp(path, { limitInputPixels: false }).rotate().toColourspace("srgb").ensureAlpha();
  const { data, info } = await image.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  if (info.channels !== 4) throw new Error(`${info.channels} channels`);
  await writeFile(out, data);
  return { size: [info.width, info.height] };
}

const say = (words) => process.stdout.write(`${JSON.stringify(words)}\n`);
say({ ready: `sharp ${sharp.versions.sharp}` });
for await (const line of createInterface({ input: process.stdin })) {
  say(await look(JSON.parse(line)).catch((error) => ({ refused: String(error) })));
}
