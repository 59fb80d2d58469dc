import assert from "node:assert/strict";
import { test } from "node:test";
import { typeOf, type Attempt, type Outcome } from "./send";
import { ATTEMPTS_MAX, FILES_MAX, SENDING_MAX, Uploads, judge, type UploadsOptions } from "./uploads";

const accepted = (id: string): Outcome => ({ kind: "answer", status: 202, body: { id, sha256: "ab" }, retryAfter: null });
const refused = (status: number, code: string, retryAfter: string | null = null): Outcome => {
  return { kind: "answer", status, body: { code, title: "the title", detail: "the detail" }, retryAfter };
};
const file = (name: string) => new File(["x"], name, { type: "image/jpeg" });

/** A queue over a scripted server. Pauses take no time and are written down. */
function queue(answers: (attempt: Attempt, nth: number) => Outcome | Promise<Outcome>, over: Partial<UploadsOptions> = {}) {
  const seen = { keys: [] as string[], pauses: [] as number[], accepted: [] as string[], refused: [] as string[], signedOut: 0 };
  let keys = 0;
  const uploads = new Uploads({
    send: async (attempt) => answers(attempt, seen.keys.push(attempt.key)),
    authorization: () => "Bearer t",
    onAccepted: (_upload, id) => seen.accepted.push(id),
    onRefused: (_upload, why) => seen.refused.push(why),
    onUnauthorized: () => (seen.signedOut += 1),
    newKey: () => `key-${(keys += 1)}`,
    pause: async (ms) => void seen.pauses.push(ms),
    chance: () => 0.5,
    ...over,
  });
  return { uploads, seen };
}

/** Waits until the queue's files have all come to their end. */
function settled(uploads: Uploads): Promise<void> {
  const done = () => uploads.list.get().every(({ state }) => state.step === "accepted" || state.step === "refused");
  return new Promise((resolve) => {
    if (done()) return resolve();
    const stop = uploads.list.subscribe(() => {
      if (!done()) return;
      stop();
      resolve();
    });
  });
}

test("a_retry_keeps_its_key_and_honours_retry_after", async () => {
  const { uploads, seen } = queue((_, nth) => (nth === 1 ? refused(503, "overloaded", "7") : nth === 2 ? { kind: "lost" } : accepted("i1")));
  uploads.add([file("a.jpg")]);
  await settled(uploads);
  assert.deepEqual(seen.keys, ["key-1", "key-1", "key-1"]);
  assert.equal(seen.pauses[0], 7000);
  assert.deepEqual(seen.accepted, ["i1"]);
});

test("attempts_are_bounded_and_the_button_goes_on_with_the_same_key", async () => {
  const { uploads, seen } = queue((_, nth) => (nth <= ATTEMPTS_MAX ? { kind: "lost" } : accepted("i1")));
  uploads.add([file("a.jpg")]);
  await settled(uploads);
  const [upload] = uploads.list.get();
  assert.equal(seen.keys.length, ATTEMPTS_MAX);
  assert.deepEqual(upload?.state, { step: "refused", why: "The connection to the server was lost.", retryable: true });
  uploads.retry(upload?.number ?? 0);
  await settled(uploads);
  assert.deepEqual(new Set(seen.keys), new Set(["key-1"]));
  assert.deepEqual(seen.accepted, ["i1"]);
});

test("a_refusal_about_the_file_is_final", async () => {
  const { uploads, seen } = queue(() => refused(415, "not_an_image"));
  uploads.add([file("a.txt")]);
  await settled(uploads);
  assert.equal(seen.keys.length, 1);
  assert.deepEqual(seen.refused, ["This isn’t a kind of image Safelight accepts."]);
  const state = uploads.list.get()[0]?.state;
  assert.equal(state?.step === "refused" && state.retryable, false);
});

test("only_a_few_are_sent_at_once_and_each_has_its_own_key", async () => {
  let running = 0;
  let most = 0;
  const { uploads, seen } = queue(async (_, nth) => {
    most = Math.max(most, (running += 1));
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    return accepted(`i${nth}`);
  });
  uploads.add(Array.from({ length: 12 }, (_, number) => file(`${number}.jpg`)));
  await settled(uploads);
  assert.equal(most, SENDING_MAX);
  assert.equal(new Set(seen.keys).size, 12);
});

test("the_queue_is_bounded_and_says_how_many_it_left_out", () => {
  const { uploads } = queue(() => new Promise(() => undefined));
  assert.equal(uploads.add(Array.from({ length: FILES_MAX + 2 }, () => file("a.jpg"))), 2);
  assert.equal(uploads.list.get().length, FILES_MAX);
});

test("a_cancelled_file_leaves_and_the_next_one_starts", async () => {
  const { uploads, seen } = queue(({ signal }, nth) => {
    if (nth > SENDING_MAX) return accepted("i");
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve({ kind: "cancelled" })));
  });
  uploads.add([file("1"), file("2"), file("3"), file("4")]);
  for (const { number } of uploads.list.get().slice(0, SENDING_MAX)) uploads.remove(number);
  await settled(uploads);
  assert.deepEqual(uploads.list.get().map((upload) => upload.file.name), ["4"]);
  assert.deepEqual(seen.accepted, ["i"]);
});

test("a_refused_token_is_told_once_and_not_retried", async () => {
  const { uploads, seen } = queue(() => refused(401, "unauthorized"));
  uploads.add([file("a.jpg")]);
  await settled(uploads);
  assert.deepEqual([seen.keys.length, seen.signedOut], [1, 1]);
});

test("verdicts_follow_the_contract", () => {
  const kind = (outcome: Outcome, attempt = 0) => judge(outcome, attempt, 0).kind;
  assert.equal(kind(refused(409, "in_flight", "3")), "again");
  assert.equal(kind(refused(409, "conflict")), "refused");
  assert.equal(kind(refused(422, "idempotency_key_reused")), "refused");
  assert.equal(kind(refused(429, "rate_limited", "1")), "again");
  assert.equal(kind(refused(503, "outcome_unknown")), "again");
  assert.equal(kind(refused(503, "overloaded", "86400")), "refused");
  assert.equal(kind(refused(503, "overloaded", "1"), ATTEMPTS_MAX - 1), "refused");
  assert.equal(kind({ kind: "answer", status: 202, body: null, retryAfter: null }), "refused");
});

test("a_file_without_a_type_gets_one_by_its_name", () => {
  assert.equal(typeOf({ name: "A.JPG", type: "" }), "image/jpeg");
  assert.equal(typeOf({ name: "a.jpg", type: "image/png" }), "image/png");
  assert.equal(typeOf({ name: "noname", type: "" }), "application/octet-stream");
});
