// The page in a real browser against a running stack (SAFELIGHT_URL, SAFELIGHT_TOKEN): two files go up and come alive
// without a reload, nothing is logged as an error, axe finds nothing, the keyboard reaches everything.

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { TOKEN, URL_BASE, PHOTOS, axe, card, inspect, openBrowser, openPage, openWire, photo } from "./walk.mjs";

const RUN = Date.now().toString(36);
const GOOD = `good-${RUN}.jpg`;
const BAD = `truncated-${RUN}.jpg`;
const BEFORE = `before-${RUN}.jpg`;
// A name that is markup: it must be read, never run.
const LATER = `<img src=x onerror=alert(1)> ${RUN}.jpg`;

let browser;
let page;
let seen;
let good;

before(async () => {
  browser = await openBrowser();
  ({ page, seen } = await openPage(browser));
  const names = (await readdir(PHOTOS)).filter((name) => /\.jpe?g$/i.test(name) && name !== "truncated.jpg").sort();
  assert.ok(names.length > 0, `no JPEG in ${PHOTOS}`);
  good = await photo(names[0]);
});

after(() => browser?.close());

test("the_token_leaves_the_address_bar_and_stays_in_memory", async () => {
  await page.goto(`${URL_BASE}/#token=${TOKEN}`);
  await page.getByText("Live", { exact: true }).waitFor();
  assert.equal(page.url(), `${URL_BASE}/`);
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, history.state]));
  assert.equal(kept, '[{},{},"",null]');
  assert.ok(!(await page.content()).includes(TOKEN));
});

test("two_files_go_up_and_come_alive_without_a_reload", async () => {
  await page.evaluate(() => (globalThis.sameDocument = true));
  const listsBefore = lists();
  await page.locator("input[type=file]").first().setInputFiles([
    { name: GOOD, mimeType: "image/jpeg", buffer: good },
    { name: BAD, mimeType: "image/jpeg", buffer: await photo("truncated.jpg") },
  ]);
  await page.getByRole("progressbar", { name: `Upload of ${GOOD}` }).waitFor();
  await card(page, GOOD).and(page.locator(".processed")).waitFor();
  await card(page, BAD).and(page.locator(".failed")).waitFor();
  assert.equal(await page.evaluate(() => globalThis.sameDocument), true);
  assert.equal(lists(), listsBefore, "the cards came by the stream, not by reading the list again");
});

test("the_good_one_shows_its_thumb_and_the_bad_one_says_why", async () => {
  const thumb = card(page, GOOD).locator("img");
  await thumb.waitFor();
  const width = await thumb.evaluate(async (img) => (await img.decode(), img.naturalWidth));
  assert.ok(width > 0 && width <= 320, `thumb is ${width} pixels wide`);
  assert.match(await card(page, BAD).innerText(), /The file is cut short/);
});

test("finished_and_failed_uploads_are_announced", async () => {
  // One announcement may hold both, or each its own: what counts is that the last one names the last to end.
  const status = page.getByRole("status");
  await status.filter({ hasText: RUN }).waitFor();
  assert.match(await status.innerText(), /is ready\.|failed\. The file is cut short/);
});

test("the_gallery_passes_axe_light_and_dark_on_phone_and_desktop", async () => {
  assert.deepEqual(await inspect(page, "gallery"), []);
});

test("the_image_page_shows_renditions_source_and_times_and_passes_axe", async () => {
  await card(page, GOOD).click();
  await page.getByRole("heading", { level: 1, name: GOOD }).waitFor();
  for (const name of ["thumb", "medium", "large"]) {
    assert.match(await page.getByRole("button", { name: new RegExp(`^${name}`) }).innerText(), /\d+ × \d+[\s\S]*[kM]?B/);
  }
  const facts = await page.locator(".facts").innerText();
  for (const fact of [/SHA-256\s+[0-9a-f]{64}/, /Format\s+JPEG/, /Uploaded/, /Processed/, /Took\s+\d/, /Erased\s+in \d/]) {
    assert.match(facts, fact);
  }
  await page.locator(".plate img").evaluate((img) => img.decode());
  assert.deepEqual(await inspect(page, "image"), []);
});

test("a_failed_image_has_a_page_in_plain_words", async () => {
  await backTo(GOOD);
  await card(page, BAD).click();
  await page.getByRole("heading", { level: 1, name: BAD }).waitFor();
  await page.getByText("The file is cut short: part of the picture is missing.").last().waitFor();
  assert.deepEqual(await inspect(page, "failed"), []);
  await backTo(BAD);
});

test("the_keyboard_alone_reaches_everything_and_focus_is_seen", async () => {
  await tabTo("Skip to content");
  await page.keyboard.press("Enter");
  await tabTo("Add photos");
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.keyboard.press("Enter")]);
  assert.equal(chooser.isMultiple(), true);
  await tabTo(GOOD);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: GOOD }).waitFor();
  await tabTo("All photos");
  await tabTo("large");
  await page.keyboard.press("Space");
  await page.locator("button[aria-pressed=true]", { hasText: "large" }).waitFor();
  await tabTo("Download");
  const [download] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
  assert.equal(download.suggestedFilename(), GOOD.replace(".jpg", "-large.jpg"));
  await backTo(GOOD);
});

test("nothing_was_logged_as_an_error_and_nothing_left_this_origin", () => {
  assert.deepEqual(seen.errors, []);
  const outside = seen.requests.map(({ url }) => url).filter((url) => !url.startsWith(`${URL_BASE}/`) && !url.startsWith("blob:"));
  assert.deepEqual(outside, []);
  assert.ok(seen.requests.every(({ url }) => !url.includes(TOKEN)), "the token is in no address");
});

test("what_happened_while_away_comes_by_resuming_the_stream", async () => {
  const wire = await openWire();
  const other = await openPage(browser);
  const asked = (part) => other.seen.requests.filter(({ url }) => url.includes(part));
  try {
    await other.page.goto(`${wire.url}/#token=${TOKEN}`);
    await card(other.page, GOOD).waitFor();
    await post(BEFORE);
    await card(other.page, BEFORE).and(other.page.locator(".processed")).waitFor();
    const listsBefore = asked("/v1/images?limit=").length;
    wire.cut();
    await other.page.getByText("Reconnecting…").waitFor();
    await post(LATER);
    wire.mend();
    await card(other.page, LATER).and(other.page.locator(".processed")).waitFor();
    assert.ok(asked("/v1/stream").at(-1).headers["last-event-id"], "the stream was resumed by its last event id");
    assert.equal(asked("/v1/images?limit=").length, listsBefore, "without reading the list again");
    // The cut is in the console, and nothing else: no markup ran, no policy was touched.
    assert.deepEqual(other.seen.errors.filter((line) => !line.startsWith("Failed to load resource: net::")), []);
  } finally {
    await other.context.close();
    wire.close();
  }
});

test("without_a_token_the_page_asks_for_one_and_a_bad_one_is_told", async () => {
  const other = await openPage(browser);
  await other.page.goto(`${URL_BASE}/`);
  await other.page.getByText("safelight token").waitFor();
  assert.deepEqual(await inspect(other.page, "token"), []);
  assert.deepEqual(other.seen.errors, []);
  const field = other.page.getByLabel("Token");
  await field.fill("not a token!");
  await field.press("Enter");
  await other.page.getByText("That doesn’t look like a token.").waitFor();
  assert.deepEqual(await axe(other.page), []);
  await field.fill("ab.cd.ef");
  await field.press("Enter");
  await other.page.getByText("Your token is no longer valid").waitFor();
  await field.fill(`${URL_BASE}/#token=${TOKEN}`);
  await field.press("Enter");
  await card(other.page, GOOD).waitFor();
  await other.context.close();
});

/** Uploads past the page, as another client would. */
async function post(filename) {
  const headers = { Authorization: `Bearer ${TOKEN}`, "Content-Type": "image/jpeg" };
  const answer = await fetch(`${URL_BASE}/v1/images?filename=${encodeURIComponent(filename)}`, { method: "POST", headers, body: good });
  assert.equal(answer.status, 202);
}

/** Closes an image's page by Esc and waits until its card has the focus again. */
async function backTo(filename) {
  await page.keyboard.press("Escape");
  await page.waitForFunction((name) => document.activeElement?.matches("a.card") && document.activeElement.innerText.includes(name), filename);
}

/** How often the newest page of the list was read. */
function lists() {
  return seen.requests.filter(({ url }) => url.includes("/v1/images?limit=")).length;
}

/** The text of the element with the focus, after checking that a person can see that it has it. */
async function focused() {
  return page.evaluate(() => {
    const element = document.activeElement;
    // Past the last element Tab leaves the page for the browser's own controls, then comes back to the first.
    if (element === document.body) return "(the browser)";
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    const visible = outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
    return visible ? (element.getAttribute("aria-label") ?? element.innerText).trim() : `no visible focus on ${element.outerHTML.slice(0, 120)}`;
  });
}

/** Presses Tab until the focus is on the element whose text begins with `text`. */
async function tabTo(text) {
  const passed = [];
  for (let presses = 0; presses < 200; presses += 1) {
    await page.keyboard.press("Tab");
    const now = await focused();
    if (now.toLowerCase().startsWith(text.toLowerCase())) return;
    assert.ok(!now.startsWith("no visible focus"), now);
    passed.push(now);
  }
  assert.fail(`"${text}" was not reached; passed ${passed.slice(0, 20).join(" | ")}`);
}
