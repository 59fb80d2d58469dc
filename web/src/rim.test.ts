// What enters the page as text or JSON, and the words it leaves as.

import assert from "node:assert/strict";
import { test } from "node:test";
import { summary } from "./announcer";
import { delayMs, retryAfterMs } from "./backoff";
import * as write from "./format";
import { parseImage } from "./image";
import { pixelsOf } from "./placeholder";
import { cleanToken, linkTo, parseRoute, tokenIn } from "./route";
import { REASONS, reasonInWords, refusalInWords } from "./words";

test("an_image_is_read_whole", () => {
  const image = parseImage({
    id: "0190",
    customer_id: "c",
    status: "processed",
    source: { format: "jpeg", width: 10, height: 20, bytes: 30, sha256: "ab", filename: "a.jpg" },
    renditions: [{ name: "thumb", format: "jpeg", width: 5, height: 10, bytes: 7, sha256: "cd", url: "/v1/images/0190/renditions/thumb" }],
    placeholder: { thumbhash: "3OcRJYB4d3h/iIeHeEh3eIhw+j2w", dominant_colour: "#8a4b20" },
    failure: null,
    uploaded_at: "2026-01-01T00:00:00Z",
    processed_at: "2026-01-01T00:00:01Z",
    expires_at: "2026-01-08T00:00:00Z",
  });
  assert.equal(image?.renditions[0]?.width, 5);
  assert.equal(image?.source.filename, "a.jpg");
  assert.equal(image?.failure, null);
  assert.deepEqual(image?.placeholder, { thumbhash: "3OcRJYB4d3h/iIeHeEh3eIhw+j2w", dominantColour: "#8a4b20" });
});

test("a_placeholder_is_a_colour_and_a_hash_or_nothing", () => {
  const placeholder = (json: unknown) => parseImage({ id: "a", status: "processed", placeholder: json })?.placeholder;
  for (const odd of [undefined, null, 3, {}, { dominant_colour: "red; x: url(//evil)" }]) assert.equal(placeholder(odd), null);
  assert.deepEqual(placeholder({ thumbhash: "AAAA" }), { thumbhash: "AAAA", dominantColour: null });
  const blurred = pixelsOf("3OcRJYB4d3h/iIeHeEh3eIhw+j2w");
  assert.deepEqual([blurred?.width, blurred?.height, blurred?.rgba.length], [32, 23, 32 * 23 * 4]);
  for (const wrong of ["", "AAAA", "not base64!", "A".repeat(400)]) assert.equal(pixelsOf(wrong), null);
});

test("odd_json_never_throws", () => {
  for (const odd of [null, 1, "x", [], {}, { id: 1 }, { id: "a", status: "new" }]) assert.equal(parseImage(odd), null);
  const bare = parseImage({ id: "a", status: "failed", source: 3, renditions: [null, {}, { name: "t", width: "9" }], failure: [] });
  assert.deepEqual([bare?.source.bytes, bare?.renditions.length, bare?.renditions[0]?.width, bare?.failure], [null, 1, null, null]);
});

test("the_token_is_sent_to_this_origin_only", () => {
  for (const url of ["https://evil.example/x", "//evil.example/v1/", "data:,", undefined]) {
    const image = parseImage({ id: "a", status: "processed", renditions: [{ name: "t", url }] });
    assert.equal(image?.renditions[0]?.url, "/v1/images/a/renditions/t");
  }
});

test("the_fragment_is_a_token_or_a_route", () => {
  assert.equal(tokenIn("#token=aa.bb.cc"), "aa.bb.cc");
  assert.equal(tokenIn("#/image/0190"), null);
  assert.equal(tokenIn("#token="), null);
  assert.deepEqual(parseRoute(linkTo("0190-ab")), { page: "image", id: "0190-ab" });
  for (const odd of ["", "#", "#/", "#/image/", "#/image/../x", "#token=a"]) assert.deepEqual(parseRoute(odd), { page: "gallery" });
});

test("a_token_is_taken_in_every_form_a_person_pastes", () => {
  for (const pasted of ["aa.bb-_.cc", " aa.bb-_.cc\n", "Bearer aa.bb-_.cc", "http://127.0.0.1:8080/#token=aa.bb-_.cc"]) {
    assert.equal(cleanToken(pasted), "aa.bb-_.cc");
  }
  for (const odd of ["", "  ", "a\u{1F4F7}b", "<b>"]) assert.equal(cleanToken(odd), null);
});

test("every_reason_of_the_contract_has_its_own_words", () => {
  const contract = `unsupported_format, corrupt, truncated, pixels_too_many, dimensions_too_large, frames_too_many,
    decode_timeout, decode_memory, decoder_crashed, checksum_mismatch, original_missing, expired, message_malformed,
    schema_unknown, recipe_unknown`.split(/,\s*/);
  assert.deepEqual(Object.keys(REASONS).sort(), contract.sort());
  assert.equal(new Set(Object.values(REASONS)).size, Object.keys(REASONS).length);
  assert.match(reasonInWords("new_reason"), /new reason/);
});

test("refusals_are_said_by_code_then_status_then_the_servers_words", () => {
  assert.match(refusalInWords(503, { code: "outcome_unknown" }), /never makes a second copy/);
  assert.match(refusalInWords(413, { code: "whatever" }), /larger than/);
  const detail = "at most 52428800 bytes are accepted";
  assert.equal(refusalInWords(413, { code: "too_large", detail }), "The file is larger than 52.4 MB, the most Safelight accepts.");
  assert.equal(refusalInWords(422, { title: "T", detail: "the key was used with another body" }), "the key was used with another body");
  assert.match(refusalInWords(418, null), /418/);
});

test("numbers_read_well", () => {
  assert.deepEqual([0, 999, 1000, 999_949, 999_999, 3_214_000, 123_456_789].map(write.bytes), ["0 B", "999 B", "1 kB", "1 MB", "1 MB", "3.2 MB", "123 MB"]);
  assert.deepEqual([84.4, 2410, 185_000, 603_900_000, 60_000].map(write.duration), ["84 ms", "2.4 s", "3 min 5 s", "6 d 23 h", "1 min"]);
  assert.equal(write.between("2026-01-01T00:00:00Z", "2026-01-01T00:00:01.250Z"), 1250);
  assert.equal(write.between("x", "2026-01-01T00:00:00Z"), null);
  assert.equal(write.until("2026-01-01T00:00:00Z", Date.parse("2026-01-02T00:00:00Z")), "now");
  assert.deepEqual([write.format("image/webp"), write.format("jpg"), write.format("png")], ["WebP", "JPEG", "PNG"]);
});

test("pauses_are_bounded_and_never_nothing", () => {
  const backoff = { firstMs: 1000, maxMs: 8000 };
  for (let attempt = 0; attempt < 100; attempt += 1) {
    assert.ok(delayMs(backoff, attempt, 0) >= 100);
    assert.ok(delayMs(backoff, attempt, 1) <= 8000);
  }
  assert.equal(retryAfterMs("3", 0), 3000);
  assert.equal(retryAfterMs("Thu, 01 Jan 1970 00:00:05 GMT", 1000), 4000);
  assert.equal(retryAfterMs("soon", 0), null);
});

test("many_announcements_are_summed_up", () => {
  assert.equal(summary(["a.", "b."]), "a. b.");
  assert.equal(summary(["a.", "b.", "c.", "d.", "e."]), "a. b. c. And 2 more changes.");
});
