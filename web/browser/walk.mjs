// Owns what every browser test stands on: the running stack's address and token, the browser, a page whose every
// console error and outside request is written down, axe, screenshots. Decides nothing about what is right.

import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const DEADLINE_MS = 30_000;
export const PHOTOS = process.env.PHOTOS_DIR ?? fileURLToPath(new URL("../../tests/photos", import.meta.url));
export const TOKEN = needed("SAFELIGHT_TOKEN");
export const URL_BASE = needed("SAFELIGHT_URL").replace(/\/+$/, "");

function needed(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: these tests run against a running stack`);
  return value;
}

export function openBrowser() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: FLAGS });
}

/** A page of its own, and `seen`: console errors, exceptions, refused loads, and every address it asked for. */
export async function openPage(browser) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, colorScheme: "dark", acceptDownloads: true });
  context.setDefaultTimeout(DEADLINE_MS);
  const page = await context.newPage();
  const seen = { errors: [], requests: [] };
  page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  page.on("request", (request) => seen.requests.push({ url: request.url(), headers: request.headers() }));
  // Listened to from the start: the browser takes a moment to hand choosers over, and a key press would be faster.
  page.on("filechooser", () => undefined);
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
  });
  return { context, page, seen };
}

/** A wire to the stack that can be cut: every connection through it ends, and new ones are refused until mended. */
export async function openWire() {
  const { hostname, port } = new URL(URL_BASE);
  const sockets = new Set();
  let whole = true;
  const server = createServer((near) => {
    if (!whole) return near.destroy();
    const far = connect(Number(port || 80), hostname);
    for (const [one, other] of [[near, far], [far, near]]) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => (sockets.delete(one), other.destroy()));
      one.pipe(other);
    }
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const cut = () => {
    whole = false;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut,
    mend: () => (whole = true),
    close: () => (cut(), server.close()),
  };
}

export async function photo(name) {
  return readFile(join(PHOTOS, name));
}

/** A card in the gallery by the name of its file. */
export function card(page, filename) {
  return page.locator("a.card", { has: page.getByText(filename, { exact: true }) });
}

/** Everything axe has against the page as it stands, one line each. */
export async function axe(page) {
  await page.evaluate(await readFile(require.resolve("axe-core/axe.min.js"), "utf8"));
  const violations = await page.evaluate(async () => {
    // Judged as it comes to rest: a picture half faded in has no colours of its own.
    await Promise.all(document.getAnimations().filter((one) => one.effect.getTiming().iterations === 1).map((one) => one.finished));
    return (await globalThis.axe.run(document, { resultTypes: ["violations"] })).violations;
  });
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.target).join(", ")}`);
}

export const LOOKS = [
  { look: "desktop-dark", colorScheme: "dark", width: 1280, height: 860 },
  { look: "desktop-light", colorScheme: "light", width: 1280, height: 860 },
  { look: "phone-dark", colorScheme: "dark", width: 360, height: 760 },
  { look: "phone-light", colorScheme: "light", width: 360, height: 760 },
];

/** Puts the page into each look in turn, takes its picture, and gathers what axe says and what sticks out sideways. */
export async function inspect(page, name) {
  const complaints = [];
  for (const { look, colorScheme, width, height } of LOOKS) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme });
    complaints.push(...(await axe(page)).map((line) => `${name} ${look}: ${line}`));
    const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (beyond > 0) complaints.push(`${name} ${look}: ${beyond} px wider than the screen`);
    await picture(page, `${name}-${look}`);
  }
  await page.setViewportSize({ width: LOOKS[0].width, height: LOOKS[0].height });
  await page.emulateMedia({ colorScheme: LOOKS[0].colorScheme });
  return complaints;
}

async function picture(page, name) {
  const folder = process.env.SCREENSHOT_DIR;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}
