// Two drafts of one target side by side: which is better, or neither.

import { Desk, version } from "./desk.js";
import { Keys, listen } from "./keys.js";
import { $, announce, notice } from "./page.js";

class Compare extends Desk {
  constructor(start) {
    super(start, { items: "/pairs", item: "/pair", undo: "/compare/undo", renew: "/compare/renew" });
    const actions = {
      ...this.sounding(),
      equal: () => this.decide("equal"),
      undo: () => this.undo(),
      flag: () => this.flag(),
      comment: () => $("comment").focus(),
      keys: () => this.keys.open(),
    };
    const better = [["1", "2"], "1 or 2", "the reply with this number is better", (key) => this.decide("ab"[key - 1])];
    const fixed = [better, [["3", "4", "5"], "3 … 5", "nothing on this page"], [["Escape"], "Esc", "leave the field"]];
    this.keys = new Keys({ annotator: start.annotator, actions, fixed });
    const ready = (name) => !!this.item || name === "undo" || name === "keys";
    listen(this.keys, { ready, left: () => {}, more: () => false });
    const clicked = { ...actions, a: () => this.decide("a"), b: () => this.decide("b") };
    for (const button of document.querySelectorAll("button[data-does]"))
      button.addEventListener("click", () => clicked[button.dataset.does]());
    this.settings();
    this.next();
  }

  flag() {
    this.answer({ broken: !this.given.broken });
    announce(this.given.broken ? "Flagged: the audio is broken." : "The flag is taken back.");
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
    notice(`The audio cannot be played. Flag it as broken (${this.keys.shown("flag")}), and compare the replies by the text.`);
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
      if (!item || !this.mayDecide()) return;
      const sent = {
        ...version(item),
        event_id: crypto.randomUUID(),
        choice,
        comment: given.comment || null,
        broken: given.broken,
        seconds_heard: given.heard || null,
        seconds: this.clocked.seconds,
      };
      this.outbox.put("/compare", sent, this.key(item));
      this.decided(item);
    });
  }
}

export function openCompare() {
  return new Compare(JSON.parse($("start").textContent));
}
