import assert from "node:assert/strict";
import { test } from "node:test";
import { EMPTY, IMAGES_MAX, reloaded, withEvents, withOlder, withUpload, type Gallery } from "./gallery";
import { justUploaded, type Image, type Status } from "./image";

const id = (number: number) => `0190-${String(number).padStart(6, "0")}`;
const image = (number: number, status: Status = "uploaded"): Image => ({
  ...justUploaded(id(number), `${number}.jpg`, 10, null),
  status,
});
const news = (...images: Image[]) => images.map((one) => ({ kind: "image" as const, image: one }));
const purge = (number: number) => [{ kind: "purged" as const, id: id(number) }];
const shown = (gallery: Gallery) => gallery.images.map((one) => `${Number(one.id.slice(-6))} ${one.status}`);

test("images_stand_newest_first_and_once_whatever_the_order_of_arrival", () => {
  const gallery = withEvents(EMPTY, news(image(1), image(3), image(2), image(3, "processed")));
  assert.deepEqual(shown(gallery), ["3 processed", "2 uploaded", "1 uploaded"]);
});

test("an_event_twice_is_once", () => {
  const once = withEvents(EMPTY, news(image(1, "processed")));
  assert.deepEqual(withEvents(once, news(image(1, "processed"))).images, once.images);
});

test("a_final_image_never_goes_back", () => {
  const done = withEvents(EMPTY, news(image(1, "processed"), image(2, "failed")));
  const late = withEvents(done, news(image(1, "uploaded"), image(1, "failed"), image(2, "uploaded")));
  assert.deepEqual(shown(late), ["2 failed", "1 processed"]);
});

test("a_failed_image_may_still_be_processed", () => {
  const failed = withEvents(EMPTY, news(image(1, "failed")));
  assert.deepEqual(shown(withEvents(failed, news(image(1, "processed")))), ["1 processed"]);
});

test("a_stale_list_answer_brings_no_purged_image_back", () => {
  const before = withEvents(EMPTY, news(image(1), image(2)));
  const purged = withEvents(before, purge(2));
  assert.deepEqual(shown(withOlder(purged, { images: [image(2), image(1)], cursor: null })), ["1 uploaded"]);
  assert.deepEqual(shown(reloaded(purged, { images: [image(2), image(1)], cursor: null }, [])), ["1 uploaded"]);
});

test("a_reload_drops_what_is_gone_and_keeps_what_came_meanwhile", () => {
  const before = withEvents(EMPTY, news(image(1), image(2)));
  const after = reloaded(before, { images: [image(2)], cursor: "c" }, news(image(2, "processed"), image(3)));
  assert.deepEqual(shown(after), ["3 uploaded", "2 processed"]);
  assert.equal(after.cursor, "c");
});

test("news_about_an_unloaded_page_waits_for_load_more", () => {
  const first = reloaded(EMPTY, { images: [image(9), image(8)], cursor: "c" }, []);
  assert.deepEqual(shown(withEvents(first, news(image(3, "processed")))), ["9 uploaded", "8 uploaded"]);
  const all = withOlder(first, { images: [image(3, "processed")], cursor: null });
  assert.deepEqual(shown(all), ["9 uploaded", "8 uploaded", "3 processed"]);
});

test("an_upload_does_not_replace_what_the_stream_already_told", () => {
  const told = withEvents(EMPTY, news(image(1, "processed")));
  assert.equal(withUpload(told, image(1)), told);
});

test("the_gallery_is_bounded_and_says_so", () => {
  const many = Array.from({ length: IMAGES_MAX + 5 }, (_, number) => image(number));
  const gallery = withEvents(EMPTY, news(...many));
  assert.equal(gallery.images.length, IMAGES_MAX);
  assert.equal(gallery.trimmed, true);
  assert.equal(gallery.images.at(-1)?.id, id(5));
});
