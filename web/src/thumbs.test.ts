import assert from "node:assert/strict";
import { test } from "node:test";
import { FETCHES_MAX, IDLE_BYTES_MAX, Thumbs } from "./thumbs";

const turn = () => new Promise((resolve) => setImmediate(resolve));

function kept(fetch: (url: string, signal: AbortSignal) => Promise<Blob> = async () => new Blob(["x"])) {
  const seen = { fetched: [] as string[], revoked: [] as string[] };
  let made = 0;
  const thumbs = new Thumbs({
    fetch: (url, signal) => {
      seen.fetched.push(url);
      return fetch(url, signal);
    },
    create: () => `blob:${(made += 1)}`,
    revoke: (url) => seen.revoked.push(url),
  });
  return { thumbs, seen };
}

test("an_address_is_fetched_once_for_all_who_show_it", async () => {
  const { thumbs, seen } = kept();
  const [one, two] = [thumbs.acquire("/a"), thumbs.acquire("/a")];
  assert.deepEqual([await one.ready, await two.ready], ["blob:1", "blob:1"]);
  one.release();
  two.release();
  assert.equal(await thumbs.acquire("/a").ready, "blob:1");
  assert.deepEqual(seen, { fetched: ["/a"], revoked: [] });
});

test("idle_pictures_are_bounded_and_the_longest_unused_goes_first", async () => {
  const half = { size: IDLE_BYTES_MAX / 2 } as Blob;
  const { thumbs, seen } = kept(async () => half);
  const uses = ["/1", "/2", "/3", "/4"].map((url) => thumbs.acquire(url));
  await Promise.all(uses.map((use) => use.ready));
  for (const use of uses.slice(0, 3)) use.release();
  assert.deepEqual(seen.revoked, ["blob:1"]);
});

test("a_release_twice_is_once", async () => {
  const { thumbs, seen } = kept(async () => ({ size: IDLE_BYTES_MAX + 1 }) as Blob);
  const [one, two] = [thumbs.acquire("/a"), thumbs.acquire("/a")];
  await two.ready;
  one.release();
  one.release();
  assert.deepEqual(seen.revoked, []);
  two.release();
  assert.deepEqual(seen.revoked, ["blob:1"]);
});

test("what_nobody_waits_for_any_more_is_not_fetched_on", async () => {
  let aborted = false;
  const { thumbs } = kept((_, signal) => new Promise((_done, fail) => {
    signal.addEventListener("abort", () => {
      aborted = true;
      fail(signal.reason);
    });
  }));
  const use = thumbs.acquire("/a");
  await turn();
  use.release();
  await assert.rejects(use.ready);
  assert.equal(aborted, true);
});

test("only_a_few_are_fetched_at_once", async () => {
  const answers: (() => void)[] = [];
  const { thumbs, seen } = kept(() => new Promise((done) => answers.push(() => done(new Blob(["x"])))));
  const uses = Array.from({ length: 8 }, (_, number) => thumbs.acquire(`/${number}`));
  await turn();
  assert.equal(seen.fetched.length, FETCHES_MAX);
  answers[0]?.();
  await uses[0]?.ready;
  await turn();
  assert.equal(seen.fetched.length, FETCHES_MAX + 1);
});

test("a_failure_is_not_remembered", async () => {
  let fails = true;
  const { thumbs } = kept(async () => {
    if (fails) throw new Error("503");
    return new Blob(["x"]);
  });
  const first = thumbs.acquire("/a");
  await assert.rejects(first.ready);
  fails = false;
  const second = thumbs.acquire("/a");
  first.release();
  assert.equal(await second.ready, "blob:1");
});

test("clearing_revokes_everything", async () => {
  const { thumbs, seen } = kept();
  await thumbs.acquire("/a").ready;
  await thumbs.acquire("/b").ready;
  thumbs.clear();
  assert.deepEqual(seen.revoked, ["blob:1", "blob:2"]);
});
