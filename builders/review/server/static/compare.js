// Two drafts of one target side by side: which is better, or neither.

import { Desk, version } from "./desk.js";
import { Keys, listen } from "./keys.js";
import { $, notice } from "./page.js";

const KEYS = [
  ["play", " ", "play or pause the speaker"],
  ["replay", "r", "replay the speaker"],
  ["back", "w", "go back two seconds"],
  ["slow", "h", "half speed on or off"],
  ["loop", "o", "loop on or off"],
  ["chain", "c", "play all turns"],
  ["before", "k", "play the previous turn"],
  ["after", "j", "play the next turn"],
  ["a", "a", "the first reply is better"],
  ["b", "b", "the second reply is better"],
  ["equal", "=", "both are equally good or equally bad"],
  ["undo", "u", "undo; can be repeated"],
  ["broken", "f", "the audio is broken"],
  ["comment", "t", "comment"],
  ["keys", "?", "keyboard shortcuts"],
];

class Compare extends Desk {
  constructor(start) {
    super(start, { items: "/pairs", item: "/pair", undo: "/compare/undo", renew: "/compare/renew" });
    const actions = {
      ...this.sounding(),
      a: () => this.decide("a"),
      b: () => this.decide("b"),
      equal: () => this.decide("equal"),
      undo: () => this.undo(),
      broken: () => this.answer({ broken: !this.given.broken }),
      comment: () => $("comment").focus(),
      keys: () => this.keys.open(),
    };
    const fixed = [[["Escape"], "Esc", "leave the field"]];
    this.keys = new Keys({ page: "compare", annotator: start.annotator, table: KEYS, actions, fixed });
    listen(this.keys, { ready: () => !!this.item, left: () => {}, more: () => false });
    for (const button of document.querySelectorAll("button[data-does]"))
      button.addEventListener("click", () => actions[button.dataset.does]());
    this.next();
  }

  restored(item) {
    return super.restored(item, { broken: null });
  }

  answer(more) {
    super.answer(more);
    $("broken").ariaPressed = String(!!this.given.broken);
  }

  showWork({ replies }) {
    replies.forEach((reply, at) => ($(`reply-${at}`).textContent = reply));
    $("broken").ariaPressed = String(!!this.given.broken);
  }

  get soundIsBroken() {
    return this.given.broken;
  }

  broken() {
    notice(`The audio cannot be played. Flag it as broken (${this.keys.shown("broken")}), and compare the replies by the text.`);
  }

  /** Return what must be done before one may decide, or null. */
  locked() {
    return this.wasHeard ? null : "Listen to the whole clip once; then you can compare.";
  }

  verdict(mine) {
    return { a: "the first is better", b: "the second is better", equal: "equal" }[mine.verdict];
  }

  decide(choice) {
    return this.alone(async () => {
      const { item, given } = this;
      if (!item || !this.open) return;
      this.outbox.put("/compare", {
        ...version(item),
        event_id: crypto.randomUUID(),
        choice,
        comment: given.comment || null,
        broken: given.broken,
        seconds_heard: given.heard || null,
      });
      this.decided(item);
    });
  }
}

export function openCompare() {
  new Compare(JSON.parse($("start").textContent));
}
