import assert from "node:assert/strict";
import { test } from "node:test";
import { Stream, type StreamEvent, type StreamOptions } from "./stream";

type Answer = { status?: number; chunks?: (string | Uint8Array)[]; headers?: Record<string, string> } | Error;

/** Runs a stream against scripted answers, one for each connection, and stops after the last. */
async function run(...answers: Answer[]) {
  const seen = {
    events: [] as StreamEvent[],
    batches: [] as number[],
    lastIds: [] as (string | null)[],
    opens: [] as boolean[],
    states: [] as string[],
    pauses: [] as number[],
    signedOut: 0,
  };
  const options: StreamOptions = {
    fetch: async (_url, init) => {
      const headers = new Headers(init?.headers);
      assert.equal(headers.get("Authorization"), "Bearer t");
      seen.lastIds.push(headers.get("Last-Event-ID"));
      const answer = answers.shift();
      if (answer === undefined || answer instanceof Error) throw answer ?? new Error("script is over");
      return new Response(bodyOf(answer.chunks ?? []), { status: answer.status ?? 200, headers: answer.headers ?? {} });
    },
    authorization: () => "Bearer t",
    onOpen: (resumed) => seen.opens.push(resumed),
    onEvents: (events) => {
      seen.events.push(...events);
      seen.batches.push(events.length);
    },
    onConnection: (state) => seen.states.push(state),
    onUnauthorized: () => (seen.signedOut += 1),
    pause: async (ms) => {
      if (answers.length === 0) return stream.stop();
      seen.pauses.push(ms);
    },
    chance: () => 1,
  };
  const stream = new Stream(options);
  await stream.run();
  return seen;
}

function bodyOf(chunks: (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  const utf8 = new TextEncoder();
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(typeof chunk === "string" ? utf8.encode(chunk) : chunk);
      controller.close();
    },
  });
}

test("events_cut_anywhere_between_chunks_are_whole", async () => {
  const text = 'event: image\nid: e1\ndata: {"id":"ä"}\n\n: still here\n\nevent: purged\r\nid: e2\r\ndata: {"id":"b"}\r\n\r\n';
  const bytes = new TextEncoder().encode(text);
  for (let cut = 1; cut < bytes.length; cut += 1) {
    const seen = await run({ chunks: [bytes.slice(0, cut), bytes.slice(cut)] });
    assert.deepEqual(seen.events, [
      { event: "image", data: '{"id":"ä"}' },
      { event: "purged", data: '{"id":"b"}' },
    ]);
  }
});

test("events_of_one_chunk_come_as_one_batch", async () => {
  const seen = await run({ chunks: ["id: 1\ndata: a\n\nid: 2\ndata: b\n\n", "id: 3\ndata: c\n\n"] });
  assert.deepEqual(seen.batches, [2, 1]);
});

test("a_broken_connection_resumes_after_the_last_event", async () => {
  const seen = await run({ chunks: ["id: e7\nevent: image\ndata: {}\n\n"] }, new Error("reset"), { chunks: [] });
  assert.deepEqual(seen.lastIds, [null, "e7", "e7"]);
  assert.deepEqual(seen.opens, [false, true]);
});

test("a_quiet_stream_resumes_where_it_last_said_it_was", async () => {
  const quiet = Array.from({ length: 360 }, (_, ten) => `: alive\nid: p${ten}\n\n`);
  const seen = await run({ chunks: ["retry: 1000\n\n: alive\nid: p\n\n"] }, { chunks: ["id: e1\ndata: {}\n\n", ...quiet] }, {});
  assert.deepEqual(seen.lastIds, [null, "p", "p359"]);
  assert.deepEqual(seen.opens, [false, true, true]);
  assert.deepEqual(seen.batches, [1], "a position is no event");
});

test("a_position_that_was_cut_off_is_none", async () => {
  const seen = await run({ chunks: ["id: e1\ndata: {}\n\n", ": alive\nid: e2\n"] }, {});
  assert.deepEqual(seen.lastIds, [null, "e1"]);
});

test("pauses_grow_and_retry_after_is_honoured", async () => {
  const seen = await run(new Error("1"), new Error("2"), { status: 503, headers: { "Retry-After": "9" } }, new Error("4"), {});
  assert.deepEqual(seen.pauses, [500, 1000, 9000, 4000]);
  assert.equal(seen.states.at(0), "connecting");
});

test("a_refused_token_ends_the_stream", async () => {
  const seen = await run({ status: 401 }, {});
  assert.deepEqual([seen.signedOut, seen.lastIds.length, seen.opens.length], [1, 1, 0]);
});

test("an_id_the_server_cannot_read_is_dropped_and_the_list_is_read_anew", async () => {
  const seen = await run({ chunks: ["id: odd\ndata: {}\n\n"] }, { status: 400 }, {});
  assert.deepEqual(seen.lastIds, [null, "odd", null]);
  assert.deepEqual(seen.opens, [false, false]);
});

test("a_reset_without_an_id_voids_the_old_position", async () => {
  const plain = await run({ chunks: ["id: e1\ndata: {}\n\n", "event: reset\ndata: {}\n\n"] }, {});
  assert.deepEqual(plain.lastIds, [null, null]);
  const placed = await run({ chunks: ["id: e1\ndata: {}\n\n", "event: reset\nid: e2\ndata: {}\n\n"] }, {});
  assert.deepEqual(placed.lastIds, [null, "e2"]);
});

test("an_event_that_never_ends_is_cut_off", async () => {
  const seen = await run({ chunks: ["id: e1\ndata: ", ...Array.from({ length: 30 }, () => "x".repeat(100_000))] }, {});
  assert.deepEqual(seen.events, []);
  assert.equal(seen.lastIds.length, 2);
});
