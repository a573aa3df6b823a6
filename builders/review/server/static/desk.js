// What deciding about any item needs: the queue, the conversation, sending what was decided.

import { Outbox } from "./outbox.js";
import { Clock } from "./clock.js";
import { choose } from "./choose.js";
import { Hearing } from "./hearing.js";
import { $, Refused, about, announce, el, keep, kept, leave, notice, scrollable, send, told, words } from "./page.js";

// Clips of so many seconds and more are streamed; shorter ones are fetched whole, and ahead.
const WHOLE = 120;
// So many items are given at once.
const MOST = 5;

/** Tell the style sheet how high the bar and the replies are, for what lies under them to be scrolled into sight. */
function rooms() {
  for (const [name, id] of [["--bar", "decide"], ["--replies", "replies"]])
    document.documentElement.style.setProperty(name, `${$(id).offsetHeight}px`);
}

/** The version of an item that somebody has before them. */
export const version = ({ item, seen, version }) => ({ item, seen, version });

/** Somebody's desk; what is asked and decided there is for those who extend it. */
export class Desk extends Hearing {
  /**
   * `start` is what the page began with; `paths` say where items, one item and undone ones come from.
   */
  constructor(start, paths) {
    super();
    this.start = start;
    this.paths = paths;
    this.left = start.left;
    this.made = start.done;
    this.clocked = new Clock();
    this.item = null;
    this.open = this.busy = this.closed = false;
    this.fetched = 0;
    this.decidedAt = new Map();
    this.outbox = new Outbox(`hearten outbox ${start.review} ${start.annotator}`);
    for (const [, sent] of this.outbox.waiting) this.decidedAt.set(sent.item, sent.version);
    // What is decided here and not there yet was given to us once more.
    this.items = start.items.filter((one) => this.fresh(one));
    this.moved(this.outbox.waiting.length);
    this.outbox.onback = () => this.error("");
    this.outbox.onsent = () => {
      this.count();
      if (!this.item && !this.outbox.waiting.length) this.fill();
    };
    this.outbox.onrefused = (error, sent) => this.refused(error, sent);
    this.outbox.onclosed = (error) => this.failed(error);
    this.tabs = new BroadcastChannel(`hearten ${start.review} ${start.annotator}`);
    this.tab = crypto.randomUUID();
    this.tabs.onmessage = ({ data }) => this.otherTab(data);
    const watch = new ResizeObserver(rooms);
    for (const id of ["decide", "replies"]) watch.observe($(id));
    $("look-again").addEventListener("click", () => this.fill());
    $("comment").addEventListener("input", (event) => this.answer({ comment: event.target.value || null }));
    window.addEventListener("beforeunload", (event) => {
      if ((this.outbox.waiting.length || this.unkept) && !this.closed) event.preventDefault();
    });
    setInterval(() => this.item || document.hidden || this.fill(), 30_000);
    setInterval(() => this.item && send(this.paths.renew, { item: this.item.item }).catch(() => {}), 60_000);
  }

  /** Return the id of the field that a sentence of the server is about. */
  fieldOf(said) {
    return said.startsWith("listen") ? "player" : "comment";
  }

  // -- which item --

  next() {
    this.show(this.items.shift() ?? null);
    return this.fill();
  }

  /** Fetch the items after this one; show the first of them where there is none before us. */
  async fill() {
    if (!this.paths.items) return;
    const number = ++this.fetched;
    // What is decided and not there yet is still given to us.
    const count = Math.min(MOST, this.start.ahead + this.outbox.waiting.length);
    try {
      const { items } = await send(`${this.paths.items}?count=${count}`);
      if (number !== this.fetched) return; // a later answer is on its way
      // An answer may be older than a decision that was on its way meanwhile.
      this.items = items.filter((one) => one.item !== this.item?.item && this.fresh(one));
      if (!this.item && this.items.length) return void this.next();
      this.done();
      this.prefetch();
    } catch (error) {
      this.failed(error);
      if (!this.item) setTimeout(() => this.item || this.fill(), about(2000));
    }
  }

  /** Return whether an item is not one that was decided here as it was given. */
  fresh({ item, version }) {
    return version > (this.decidedAt.get(item) ?? -1);
  }

  /** Say that nothing is left, or who has what is. */
  done() {
    $("done").hidden = !!this.item;
    $("done-words").textContent = this.left
      ? `${this.left} more are with other people now. If they leave them, they come here; this page looks by itself.`
      : "You have decided about everything that is open to you. Thank you.";
  }

  prefetch() {
    const ahead = [this.item, ...this.items].filter((one) => one?.audio && one.duration < WHOLE);
    this.player.fetch(ahead.map((one) => one.audio));
    for (const one of this.items) if (one.drawing) fetch(one.drawing).catch(() => {});
  }

  show(item) {
    this.item = item;
    this.error("");
    leave($("choose")); // what is chosen there would be about another item
    $("desk").hidden = !item;
    $("done").hidden = true;
    this.count();
    if (!item) {
      this.player.load(null, 0);
      return this.lock();
    }
    this.items = this.items.filter((one) => one.item !== item.item);
    this.given = this.restored(item);
    this.showTalk(item);
    this.showWork(item);
    this.prefetch();
    this.showSound(item);
    rooms();
    $("turns").scrollTop = $("turns").scrollHeight; // all else that takes room is there by now
    scrollable();
    this.tabs.postMessage({ kind: "open", item: item.item, tab: this.tab });
    window.scrollTo(0, 0);
    $("main").focus({ preventScroll: true });
    this.clocked.begin(this.given.seconds ?? 0);
    announce(`${item.speaker ?? "The speaker"}: ${item.text}`);
    if (this.playsOn && item.audio && !this.wasHeard) this.player.play(item.audio, 0);
  }

  count() {
    if (!this.paths.items) return; // one item of a list has no queue
    const waiting = this.outbox.waiting.length;
    $("left").textContent = `${this.left} left` + (waiting ? `, ${waiting} to be sent` : "");
    $("pace").textContent = this.clocked.told(this.left, this.made);
    $("share").max = Math.max(1, this.made + this.left);
    $("share").value = this.made;
  }

  /** Count items as decided, or as open again where `items` is below 0. */
  moved(items) {
    this.left = Math.max(0, this.left - items);
    this.made = Math.max(0, this.made + items);
  }

  // -- what was answered so far: kept in the browser until it is decided --

  key(item) {
    return `hearten draft ${this.start.annotator} ${item.item} ${item.seen} ${item.version}`;
  }

  /** Return what is answered about an item: before, begun in this browser, or nothing. */
  restored(item, empty = {}) {
    const heard = item.mine?.seconds_heard ?? 0;
    // A skip may be made without hearing anything; all others were not.
    const parts = item.mine?.verdict === "skip" ? [[0, Math.min(heard, item.duration ?? 0)]] : [[0, item.duration]];
    const mine = item.mine ? { ...item.mine, heard, parts } : {};
    return { comment: null, heard: 0, parts: [], ...empty, ...mine, ...kept(this.key(item), {}) };
  }

  answer(more) {
    Object.assign(this.given, more);
    this.given.seconds = this.clocked.seconds;
    this.unkept = !keep(this.key(this.item), this.given);
    this.lock();
  }

  // -- showing it --

  showTalk(item) {
    $("background").hidden = !item.background;
    $("background").textContent = item.background ?? "";
    $("turns").replaceChildren(...item.turns.map((turn) => this.turn(turn, item.language)));
    $("speaker").textContent = item.speaker ?? "the speaker";
    $("emotion").textContent = [item.emotions.primary, item.emotions.secondary].filter(Boolean).map(words).join(", ");
    $("text").textContent = item.text;
    for (const one of document.querySelectorAll("[data-spoken]")) one.lang = item.language;
    $("comment").value = this.given.comment ?? "";
  }

  turn(turn, language) {
    const said = el("span", { class: "speaker", dir: "auto" }, turn.speaker ?? turn.role);
    const button =
      turn.audio && el("button", { type: "button", "data-audio": turn.audio, "aria-label": `Play ${turn.speaker ?? "this turn"}` }, "▶");
    button?.addEventListener("click", () => this.player.chain([turn.audio]));
    const emotion = turn.emotion && el("span", { class: "chip" }, words(turn.emotion));
    return el(
      "li",
      { class: turn.role, "data-audio": turn.audio },
      el("div", { class: "said" }, button, said, emotion),
      el("div", { dir: "auto", lang: language }, turn.text),
    );
  }

  /** Say whether one may decide now, and hold the buttons to it. */
  lock() {
    const before = this.open;
    this.open = !!this.item && this.locked() === null;
    if (this.open && !before && !this.given.told) {
      this.given.told = true;
      if ($("notice").textContent === this.why) notice("");
      announce("You can decide now.");
    }
    for (const button of document.querySelectorAll("[data-decides]")) button.disabled = !this.open;
    $("locked").hidden = !this.item || this.open;
    $("locked").textContent = (this.item && this.locked()) ?? "";
  }

  /** Return whether one may decide, and say why where one may not. */
  mayDecide() {
    if (this.open) return true;
    if (!this.item) return false;
    this.why = `${this.locked()} ${this.item.audio ? `${this.keys.shown("play")} plays it.` : ""}`.trim();
    told(this.why);
    return false;
  }

  /** Return whether one may sign out: what was decided is sent before. */
  async mayLeave() {
    await this.outbox.empty();
    if (this.outbox.waiting.length) told("No connection: sign out when your decisions are sent.");
    return !this.outbox.waiting.length;
  }

  // -- deciding --

  /** Let somebody choose; null where they do not, or where the item is another one by then. */
  async choose(...asked) {
    const { item } = this;
    const chosen = await choose(...asked);
    return this.item === item ? chosen : null;
  }

  /** Do something that decides or undoes, one after the other: a key pressed twice acts once. */
  async alone(action) {
    if (this.busy) return;
    this.busy = true;
    try {
      await action();
    } finally {
      this.busy = false;
    }
  }

  /** Go on to the next item after one that was decided. */
  decided(item) {
    this.clocked.end();
    this.decidedAt.set(item.item, item.version);
    this.tabs.postMessage({ kind: "decided", item: item.item, tab: this.tab });
    this.moved(1);
    if (this.item !== item) return;
    notice("");
    this.next();
  }

  undo() {
    return this.alone(async () => {
      await this.outbox.empty();
      if (this.outbox.waiting.length) return notice("No connection: this can be undone when the connection is back.");
      try {
        const { item } = await send(this.paths.undo, {});
        if (!item) return notice("There is nothing to undo.");
        const begun = this.setAside();
        this.moved(-1);
        this.decidedAt.delete(item.item);
        this.show(item);
        notice(`Undone: ${this.verdict(item.mine)}. Decide again.${begun ? " What you began about the other item is kept." : ""}`);
      } catch (error) {
        this.failed(error);
      }
    });
  }

  /** Return a decision as it is read. */
  verdict(mine) {
    return mine.verdict;
  }

  /** Put the item before us back into the queue, and return whether something is answered about it. */
  setAside() {
    if (this.item) this.items.unshift(this.item);
    return !!this.item && kept(this.key(this.item), null) !== null;
  }

  /** Show what the server found wrong, with the item it was about. */
  async refused(error, sent) {
    const said = error.status === 409 ? error.message : `Not saved: ${error.message}. Change it and decide again.`;
    if (error.status === 409 || this.item?.item !== sent.item) {
      try {
        const item = await send(`${this.paths.item}?item=${encodeURIComponent(sent.item)}`);
        if (this.item?.item !== item.item) this.setAside();
        this.decidedAt.delete(item.item);
        this.moved(-1);
        this.show(item);
      } catch {}
    }
    this.error(said);
    if (error.status !== 409) this.point(this.fieldOf(error.message, sent));
  }

  /** Mark the field that something is wrong with, where the page has one for it. */
  point(id) {
    $(id)?.setAttribute("aria-invalid", "true");
    $(id)?.scrollIntoView({ block: "nearest" });
  }

  otherTab({ kind, item, tab }) {
    if (!this.item || item !== this.item.item || tab === this.tab) return;
    if (kind === "open") {
      this.tabs.postMessage({ kind: "here", item, tab: this.tab });
      notice("This item is also open in another tab.");
    }
    if (kind === "here") notice("This item is also open in another tab. Only the first decision counts.");
    if (kind === "decided") {
      this.next();
      this.error("You have already decided this item in another tab.");
    }
  }

  failed(error) {
    if (this.closed) return; // this page is being left: going again would break off the first navigation
    this.closed = error instanceof Refused && error.status === 401;
    if (this.closed) location.href = "/join";
    this.error(error instanceof Refused ? error.message : "The server cannot be reached. Your decisions are saved here and sent later.");
  }

  error(text) {
    $("errors").textContent = text;
    for (const one of document.querySelectorAll("[aria-invalid]")) one.removeAttribute("aria-invalid");
  }
}
