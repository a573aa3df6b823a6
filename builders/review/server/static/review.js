// The review itself: hearing, reading, and deciding about the reply.

import { Desk, version } from "./desk.js";
import { diff } from "./diff.js";
import { Keys, listen } from "./keys.js";
import { $, Refused, el, notice, send, words } from "./page.js";

const KEYS = [
  ["play", " ", "play or pause the speaker"],
  ["replay", "r", "replay the speaker"],
  ["back", "b", "go back two seconds"],
  ["slow", "h", "half speed on or off"],
  ["loop", "o", "loop on or off"],
  ["chain", "c", "play all turns"],
  ["before", "k", "play the previous turn"],
  ["after", "j", "play the next turn"],
  ["accept", "a", "accept"],
  ["edit", "e", "edit"],
  ["reject", "x", "reject, with a reason"],
  ["skip", "s", "skip, with a reason"],
  ["undo", "u", "undo; can be repeated"],
  ["reveal", "d", "show the hidden reply"],
  ["strategies", "g", "choose strategies"],
  ["drafted", "y", "use the drafted strategies"],
  ["emotion", "m", "choose the emotion you hear"],
  ["flag", "f", "flag"],
  ["comment", "t", "comment"],
  ["keys", "?", "keyboard shortcuts"],
];

class Review extends Desk {
  constructor(start) {
    const stays = start.again || start.mode === "disputed";
    super(start, { items: stays ? null : "/items", item: "/item", undo: "/undo", renew: "/renew" });
    this.disputed = start.mode === "disputed";
    this.leavesFor = start.again ? "/mine" : this.disputed ? "/disputed" : null;
    this.listen();
    this.next();
  }

  listen() {
    const actions = this.actions();
    const digits = [["1", "2", "3", "4", "5"], "1 … 5", this.disputed ? "use an answer" : "rate the next scale", (key) => this.number(key)];
    const fixed = [digits, [["Escape"], "Esc", "leave the field"]];
    this.keys = new Keys({ page: "review", annotator: this.start.annotator, table: KEYS, actions, fixed });
    listen(this.keys, {
      ready: () => !!this.item,
      left: (field) => field.id === "edit" && this.stopEditing(),
      more: (event) => {
        const saves = event.key === "Enter" && event.target.id === "edit" && (event.ctrlKey || event.metaKey);
        if (saves) this.decide("edit");
        return saves;
      },
    });
    for (const button of document.querySelectorAll("button[data-does]"))
      button.addEventListener("click", () => actions[button.dataset.does]());
    $("stop-editing").addEventListener("click", () => this.stopEditing());
    $("gold")?.addEventListener("click", () => this.decide("accept", "/gold"));
    $("editing").addEventListener("submit", (event) => (event.preventDefault(), this.decide("edit")));
    $("edit").addEventListener("input", () => this.edited());
    for (const scale of this.start.choices.scale)
      $(`scale-${scale.code}`).addEventListener("change", (event) => this.rate(scale.code, Number(event.target.value)));
    $("heard").addEventListener("change", (event) => this.answer({ emotion: event.target.value || null }));
  }

  actions() {
    return {
      ...this.sounding(),
      accept: () => this.decide("accept"),
      edit: () => this.startEditing(),
      reject: () => this.reject(),
      skip: () => this.skip(),
      undo: () => this.undo(),
      reveal: () => this.reveal(),
      strategies: () => this.chooseStrategies(),
      drafted: () => this.item.draft && this.answer({ strategies: this.item.draft.strategies }),
      emotion: () => $("heard").focus(),
      flag: () => this.chooseFlags(),
      comment: () => $("comment").focus(),
      keys: () => this.keys.open(),
    };
  }

  restored(item) {
    const text = item.mine?.reply?.text ?? null;
    const given = super.restored(item, { strategies: null, emotion: null, text });
    return { ...given, ratings: given.ratings ?? {}, flags: given.flags ?? [] };
  }

  answer(more) {
    super.answer(more);
    this.showAnswers();
  }

  // -- showing it --

  showWork(item) {
    $("hidden-draft").hidden = !item.hidden;
    $("draft").hidden = item.hidden;
    $("reply").hidden = false;
    $("editing").hidden = true;
    $("reply").textContent = item.draft?.text ?? "";
    $("heard").value = this.given.emotion ?? "";
    for (const input of document.querySelectorAll(".scale input"))
      input.checked = this.given.ratings[input.name] === Number(input.value);
    this.showAnswers();
    this.showOthers(item);
    if (this.given.text !== null && item.draft && this.given.text !== item.draft.text) this.startEditing(false);
  }

  showAnswers() {
    const drafted = this.item.draft?.strategies ?? [];
    const chosen = this.given.strategies ?? drafted;
    const chips = chosen.map((code) => el("span", { class: "chip" }, words(code)));
    const others = this.item.draft && chosen.join() !== drafted.join();
    $("as-drafted").hidden = !others;
    if (others) chips.push(` instead of ${drafted.map(words).join(", ")}`);
    $("chosen").replaceChildren(...chips);
    $("flagged").replaceChildren(
      ...this.given.flags.map((code) => el("span", { class: "chip warn" }, this.wordsOf("flag", code))),
    );
    const open = this.start.choices.scale.find((scale) => !(scale.code in this.given.ratings));
    for (const scale of this.start.choices.scale)
      $(`scale-${scale.code}`).classList.toggle("current", scale === open);
  }

  wordsOf(kind, code) {
    return this.start.choices[kind].find((one) => one.code === code)?.words ?? words(code);
  }

  /** Show what others answered, to whoever settles the item; nobody else is sent it. */
  showOthers(item) {
    $("answers").hidden = !item.answers;
    $("answers").replaceChildren(
      ...(item.answers ?? []).map((one, at) => {
        const text = one.reply?.text ?? (one.verdict === "accept" ? item.draft.text : null);
        const take = el("button", { type: "button" }, "Use this answer ", el("kbd", {}, String(at + 1)));
        take.addEventListener("click", () => this.take(at));
        const rated = Object.entries(one.ratings ?? {}).map(([scale, value]) => `${this.wordsOf("scale", scale)} ${value}`);
        const more = [one.emotion && `hears ${words(one.emotion)}`, ...rated, ...(one.flags ?? []).map((f) => this.wordsOf("flag", f))];
        const reason = one.reason && this.wordsOf("reject", one.reason);
        return el(
          "article",
          { class: "answer", "aria-label": `Answer ${at + 1}` },
          el("p", {}, el("strong", {}, `${at + 1}: ${one.verdict}`), reason ? `, ${reason}` : ""),
          text && el("p", { dir: "auto" }, text),
          el("p", {}, ...(one.strategies ?? []).map((code) => el("span", { class: "chip" }, words(code))), " ", more.filter(Boolean).join(", ")),
          one.comment && el("p", { class: "hint", dir: "auto" }, one.comment),
          take,
        );
      }),
    );
  }

  // -- hearing --

  get soundIsBroken() {
    return this.given.flags.includes("audio_broken");
  }

  broken() {
    notice(`The audio cannot be played. Flag it as broken (${this.keys.shown("flag")}), or skip the item (${this.keys.shown("skip")}).`);
  }

  /** Return what must be done before one may decide, or null. */
  locked() {
    if (!this.wasHeard) return "Listen to the whole clip once; then you can decide.";
    return this.item.hidden ? "Choose strategies first; then show the reply and decide." : null;
  }

  // -- answering --

  number(key) {
    if (this.disputed) this.take(Number(key) - 1);
    else this.rateNext(Number(key));
  }

  rate(scale, value) {
    this.answer({ ratings: { ...this.given.ratings, [scale]: value } });
  }

  /** Rate the scale that is open, by key; with none open the first one is rated again. */
  rateNext(value) {
    const scales = this.start.choices.scale;
    const open = scales.find((scale) => !(scale.code in this.given.ratings)) ?? null;
    if (open === null) this.given.ratings = {};
    const scale = open ?? scales[0];
    this.rate(scale.code, value);
    for (const input of document.querySelectorAll(".scale input"))
      input.checked = this.given.ratings[input.name] === Number(input.value);
  }

  async chooseStrategies() {
    const now = this.given.strategies ?? this.item.draft?.strategies ?? [];
    const chosen = await this.choose("Which strategies, in the order they are used?", this.start.strategies, now, this.start.most);
    if (chosen) this.answer({ strategies: chosen.length ? chosen : null });
  }

  async chooseFlags() {
    const chosen = await this.choose("Flag this item", this.start.choices.flag, this.given.flags, 9);
    if (chosen) this.answer({ flags: chosen });
  }

  async reveal() {
    if (!this.item.hidden) return;
    if (!this.given.strategies?.length)
      return this.error(`Choose strategies first (${this.keys.shown("strategies")}), before you see the reply.`);
    const { item, given } = this;
    try {
      const shown = await send("/first-answer", { ...version(item), strategies: given.strategies, emotion: given.emotion });
      if (this.item !== item) return;
      this.item = shown;
      this.error("");
      this.showWork(shown);
      this.lock();
    } catch (error) {
      this.failed(error);
    }
  }

  startEditing(focus = true) {
    if (!this.open && focus) return;
    $("reply").hidden = true;
    $("editing").hidden = false;
    $("edit").value = this.given.text ?? this.item.draft.text;
    this.edited();
    if (focus) $("edit").focus();
  }

  edited() {
    this.answer({ text: $("edit").value });
    $("diff").replaceChildren(
      ...diff(this.item.draft.text, $("edit").value).map(([kind, word]) => (kind ? el(kind, {}, word) : word)),
    );
  }

  stopEditing() {
    $("editing").hidden = true;
    $("reply").hidden = false;
    this.answer({ text: null });
    $("accept").focus();
  }

  async reject() {
    if (!this.open) return;
    const chosen = await this.choose("Why reject it?", this.start.choices.reject, [], 1);
    if (chosen?.length) this.decide("reject", null, chosen[0]);
  }

  async skip() {
    const chosen = await this.choose("Why skip it?", this.start.choices.skip, [], 1);
    if (chosen?.length) this.decide("skip", null, chosen[0]);
  }

  take(at) {
    const one = this.item.answers?.[at];
    if (!one || !this.open) return;
    this.answer({ strategies: one.strategies ?? null, emotion: one.emotion ?? null, ratings: one.ratings ?? {}, flags: one.flags ?? [], text: one.reply?.text ?? null });
    this.decide(one.verdict, null, one.reason ?? null, one.reply ?? null);
  }

  // -- deciding --

  decide(verdict, path = null, reason = null, reply = null) {
    return this.alone(async () => {
      const { item, given } = this;
      if (!item || (verdict !== "skip" && !this.open)) return;
      if (this.disputed && !given.comment) {
        $("comment").focus();
        return this.error("Give the reason in the comment.");
      }
      const sent = this.decision(verdict, reason, reply);
      if (verdict === "edit" && this.same(sent.reply)) return this.error("You have not changed anything: accept the reply instead.");
      const to = path ?? (this.disputed ? "/adjudicate" : "/decide");
      if (verdict === "edit" || path || this.leavesFor) return this.decideNow(to, sent);
      this.outbox.put(to, sent);
      this.decided(item);
    });
  }

  /** Return whether a reply is the draft as it is. */
  same(reply) {
    const { text, strategies } = this.item.draft;
    return reply.text === text && reply.strategies.join() === strategies.join();
  }

  decision(verdict, reason, reply) {
    const { item, given } = this;
    const edit = () => reply ?? { ...item.draft, text: given.text.trim(), strategies: given.strategies ?? item.draft.strategies };
    return {
      ...version(item),
      event_id: crypto.randomUUID(),
      verdict,
      reason,
      reply: verdict === "edit" ? edit() : null,
      // What was not said is null: nobody agrees with what they have not looked at.
      strategies: given.strategies,
      ratings: Object.keys(given.ratings).length ? given.ratings : null,
      emotion: given.emotion,
      flags: given.flags.length ? given.flags : null,
      comment: given.comment || null,
      seconds_heard: given.heard || null,
    };
  }

  /** Send something that the server may find fault with, and stay until it is held. */
  async decideNow(path, sent) {
    const { item } = this;
    try {
      await send(path, sent);
    } catch (error) {
      if (error instanceof Refused && error.status === 401) return this.failed(error);
      if (error instanceof Refused) return this.refused(error, sent);
      this.outbox.put(path, sent);
    }
    if (path === "/gold") return notice("Saved as gold: from now on this item tests annotators.");
    this.decided(item);
  }

  decided(item) {
    super.decided(item);
    if (this.leavesFor) this.go();
  }

  /** Leave for the list that an item was opened from, once all is sent. */
  go() {
    if (!this.outbox.waiting.length) location.href = this.leavesFor;
    else this.outbox.onsent = () => (this.count(), this.go());
  }
}

export function openReview() {
  new Review(JSON.parse($("start").textContent));
}
