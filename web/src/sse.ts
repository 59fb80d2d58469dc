// Owns the framing of Server-Sent Events (HTML, 9.2.6): text in, whole blocks out. A block without data is no event and
// is handed over all the same: its id says where a quiet stream is. Leaves `retry` to the reader's own pauses. Knows
// nothing about connections.

/** What stands between two empty lines. */
export interface SseBlock {
  /** `message` unless the block says otherwise. */
  event: string;
  /** `null` in a block that is no event. */
  data: string | null;
  /** `null` where the block has no id of its own: the one before it counts on. */
  id: string | null;
}

export class SseParser {
  readonly #charsMax: number;
  /** The pieces of a line that has not ended yet. */
  #line: string[] = [];
  #endedWithReturn = false;
  #event = "";
  #data: string[] = [];
  #id: string | null = null;
  /** Of the block that has not ended yet. */
  #chars = 0;

  /** A block that has not ended after `charsMax` characters is an error. */
  constructor(charsMax: number) {
    this.#charsMax = charsMax;
  }

  /** Takes text, cut anywhere, and returns the blocks that are whole now. */
  feed(text: string): SseBlock[] {
    if (text === "") return [];
    // A return at the end of the text before has ended its line: a line feed behind it says nothing new.
    const lines = text.slice(this.#endedWithReturn && text.startsWith("\n") ? 1 : 0).split(/\r\n|\r|\n/);
    this.#endedWithReturn = text.endsWith("\r");
    const rest = lines.pop() ?? "";
    const blocks = lines.flatMap((line) => {
      this.#hold(line);
      return this.#take() ?? [];
    });
    this.#hold(rest);
    if (this.#chars > this.#charsMax) throw new RangeError("a block of the stream does not end");
    return blocks;
  }

  #hold(piece: string): void {
    this.#line.push(piece);
    this.#chars += piece.length;
  }

  /** Takes the line that has ended; returns the block if that was its end. */
  #take(): SseBlock | null {
    const line = this.#line.join("");
    this.#line = [];
    if (line === "") return this.#end();
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#event = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    return null;
  }

  #end(): SseBlock {
    const data = this.#data.length > 0 ? this.#data.join("\n") : null;
    const block = { event: this.#event || "message", data, id: this.#id };
    [this.#event, this.#data, this.#id, this.#chars] = ["", [], null, 0];
    return block;
  }
}
