import assert from "node:assert/strict";
import { test } from "node:test";
import { SseParser, type SseBlock } from "./sse";

function blocks(...texts: string[]): SseBlock[] {
  const parser = new SseParser(1000);
  return texts.flatMap((text) => parser.feed(text));
}

const TEXT = "event: image\nid: 7\ndata: a\ndata: b\n\n: alive\r\nid: 8\r\n\r\ndata\rid:  9\r\rid: x\0y\ndata: c\n\n";
const BLOCKS: SseBlock[] = [
  { event: "image", data: "a\nb", id: "7" },
  { event: "message", data: null, id: "8" },
  { event: "message", data: "", id: " 9" },
  { event: "message", data: "c", id: null },
];

test("blocks_are_the_same_however_the_text_is_cut_and_the_lines_end", () => {
  for (let cut = 0; cut <= TEXT.length; cut += 1) {
    for (let next = cut; next <= TEXT.length; next += 1) {
      assert.deepEqual(blocks(TEXT.slice(0, cut), TEXT.slice(cut, next), TEXT.slice(next)), BLOCKS, `${cut}, ${next}`);
    }
  }
});

test("a_block_counts_only_once_it_has_ended", () => {
  assert.deepEqual(blocks("id: 7\ndata: a\n"), []);
});

test("what_is_bounded_is_one_block_and_not_the_stream", () => {
  const parser = new SseParser(20);
  for (let number = 0; number < 100; number += 1) assert.equal(parser.feed("data: 12345\n\n").length, 1);
  parser.feed("data: 12345\n");
  assert.throws(() => parser.feed("data: 1234567"), RangeError);
});
