// The review itself: hearing, reading, and deciding about the reply.

import { Desk, version } from "./desk.js";
import { diff } from "./diff.js";
import { Keys, listen } from "./keys.js";
import { $, Refused, announce, el, notice, send, told, words } from "./page.js";

class Review extends Desk {
  constructor(start) {
    const stays = start.again || start.mode === "disputed";
    super(start, { items: stays ? null : "/items", item: "/item", undo: "/undo", renew: "/renew" });
    this.disputed = start.mode === "disputed";
    this.leavesFor = start.again ? "/mine" : this.disputed ? "/disputed" : null;
    this.listen();
    this.settings();
    this.next();
  }

  listen() {
    const actions = this.actions();
    const what = this.disputed ? "use the answer with this number" : "rate the marked scale";
    const digits = [["1", "2", "3", "4", "5"], "1 … 5", what, (key) => this.number(key)];
    const leaves = [["Escape"], "Esc", "leave the field; once more, cancel the edit", () => this.editing && this.stopEditing()];
    this.keys = new Keys({ annotator: this.start.annotator, actions, fixed: [digits, leaves] });
    listen(this.keys, {
      ready: (name) => !!this.item || name === "undo" || name === "keys",
      left: () => {},
      more: (event) => {
        const saves = event.key === "Enter" && event.target.id === "edit" && (event.ctrlKey || event.metaKey);
        if (saves) this.accept();
        return saves;
      },
    });
    for (const button of document.querySelectorAll("button[data-does]"))
      button.addEventListener("click", () => actions[button.dataset.does]());
    $("stop-editing").addEventListener("click", () => this.stopEditing());
    $("gold")?.addEventListener("click", () => this.accept("/gold"));
    $("editing").addEventListener("submit", (event) => (event.preventDefault(), this.accept()));
    $("edit").addEventListener("input", () => this.edited());
    for (const scale of this.start.choices.scale)
      $(`scale-${scale.code}`).addEventListener("change", (event) => this.rate(scale.code, Number(event.target.value)));
    $("heard")?.addEventListener("change", (event) => this.answer({ emotion: event.target.value || null }));
  }

  actions() {
    return {
      ...this.sounding(),
      accept: () => this.accept(),
      edit: () => this.startEditing(),
      reject: () => this.reject(),
      skip: () => this.skip(),
      undo: () => this.undo(),
      reveal: () => this.reveal(),
      strategies: () => this.chooseStrategies(),
      drafted: () => this.asDrafted(),
      emotion: () => ($("heard") ? $("heard").focus() : told("Nothing is heard in this review.")),
      label: () => this.labelIsRight(),
      scale: () => this.nextScale(),
      flag: () => this.chooseFlags(),
      comment: () => $("comment").focus(),
      keys: () => this.keys.open(),
    };
  }

  restored(item) {
    const text = item.mine?.reply?.text ?? null;
    const given = super.restored(item, { strategies: null, emotion: null, text });
    this.scale = null;
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
    $("say").hidden = !item.spoken;
    this.showAnswers();
    this.showOthers(item);
    if (this.changed) this.startEditing(false);
    else this.showPrimary();
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
    if ($("heard")) $("heard").value = this.given.emotion ?? "";
    if ($("label")) $("label").ariaPressed = String(this.given.emotion === this.item.emotions.primary);
    for (const input of document.querySelectorAll(".scale input"))
      input.checked = this.given.ratings[input.name] === Number(input.value);
    const current = this.currentScale;
    for (const scale of this.start.choices.scale)
      $(`scale-${scale.code}`).classList.toggle("current", scale === current);
  }

  /** The scale that a digit rates: the one that was gone to, else the first without a rating; or null. */
  get currentScale() {
    const scales = this.start.choices.scale;
    return scales.find(({ code }) => code === this.scale) ?? scales.find(({ code }) => !(code in this.given.ratings)) ?? null;
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
    this.scale = null;
    this.answer({ ratings: { ...this.given.ratings, [scale]: value } });
    announce(`${this.wordsOf("scale", scale)}: ${value}`);
  }

  /** Rate the marked scale by key; where all are rated, one is gone to first. */
  rateNext(value) {
    const scale = this.currentScale;
    if (scale) return this.rate(scale.code, value);
    told(`All scales are rated. ${this.keys.shown("scale")} goes to the one to correct.`);
  }

  nextScale() {
    const codes = this.start.choices.scale.map(({ code }) => code);
    const now = this.currentScale;
    this.scale = codes[now ? (codes.indexOf(now.code) + 1) % codes.length : 0];
    this.showAnswers();
    announce(`${this.wordsOf("scale", this.scale)}: press 1 to 5`);
  }

  /** Say by one key that the label is what one hears; once more takes it back. */
  labelIsRight() {
    if (!$("heard")) return told("Nothing is heard in this review.");
    const { primary } = this.item.emotions;
    const emotion = this.given.emotion === primary ? null : primary;
    this.answer({ emotion });
    announce(emotion ? `You hear ${words(primary)}, as labelled.` : "Nothing is said about the label.");
  }

  asDrafted() {
    if (!this.item.draft) return told("The reply is hidden: nobody sees its strategies yet.");
    this.answer({ strategies: this.item.draft.strategies });
    announce("The drafted strategies are right.");
  }

  async chooseStrategies() {
    const { item } = this;
    const now = this.given.strategies ?? item.draft?.strategies ?? [];
    const fits = (one) => item.fitting.includes(one.code);
    const note = "(Kept as your opinion.)";
    const options = this.start.strategies.map((one) => (fits(one) ? one : { ...one, note }));
    const about = [item.text, item.draft && `Reply: ${this.given.text ?? item.draft.text}`].filter(Boolean);
    const chosen = await this.choose("Which strategies, in the order they are used?", options, now, this.start.most, about);
    if (chosen) this.answer({ strategies: chosen.length ? chosen : null });
  }

  async chooseFlags() {
    const chosen = await this.choose("Flag this item", this.start.choices.flag, this.given.flags, 9);
    if (chosen) this.answer({ flags: chosen });
  }

  async reveal() {
    if (!this.item?.hidden) return told("The reply is not hidden.");
    if (!this.wasHeard) return this.mayDecide();
    if (!this.given.strategies?.length)
      return this.error(`Choose strategies first (${this.keys.shown("strategies")}), before you see the reply.`);
    const { item, given } = this;
    try {
      const heard = { seconds_heard: given.heard || null, broken: this.soundIsBroken };
      const answer = { strategies: given.strategies, emotion: given.emotion };
      const shown = await send("/first-answer", { ...version(item), ...answer, ...heard });
      if (this.item !== item) return;
      this.item = shown;
      this.error("");
      this.showWork(shown);
      this.lock();
    } catch (error) {
      this.failed(error);
    }
  }

  // -- editing: what is typed is kept until it is saved or taken back --

  get editing() {
    return !$("editing").hidden;
  }

  /** Return whether words of one's own differ from the draft. */
  get changed() {
    const { text } = this.given;
    return text !== null && !!this.item?.draft && text.trim() !== this.item.draft.text;
  }

  startEditing(focus = true) {
    if (focus && !this.mayDecide()) return;
    $("reply").hidden = true;
    $("editing").hidden = false;
    $("edit").value = this.given.text ?? this.given.aside ?? this.item.draft.text;
    this.edited();
    if (focus) $("edit").focus();
  }

  edited() {
    this.answer({ text: $("edit").value });
    $("diff").replaceChildren(
      ...diff(this.item.draft.text, $("edit").value).map(([kind, word]) => (kind ? el(kind, {}, word) : word)),
    );
    this.showPrimary();
  }

  /** Close the edit; its words are brought back by editing again. */
  stopEditing() {
    const aside = this.changed ? this.given.text : null;
    $("editing").hidden = true;
    $("reply").hidden = false;
    this.answer({ text: null, aside });
    if (aside) notice(`Your edit is set aside. ${this.keys.shown("edit")} brings it back.`);
    this.showPrimary();
    $("main").focus({ preventScroll: true });
  }

  /** There is one button that goes on: it saves the edit while one is open. */
  showPrimary() {
    const saves = this.editing && this.changed;
    $("accept-words").textContent = saves ? "Save the edit" : "Accept";
    $("accept").classList.toggle("main", !this.item?.hidden);
  }

  /** Save the edit where one is open, else accept the reply. */
  accept(path = null) {
    return this.decide(this.editing && this.changed ? "edit" : "accept", path);
  }

  /** Ask what is to become of an open edit; return whether to go on without it. */
  async withoutEdit(what) {
    if (!(this.editing && this.changed)) return true;
    const options = [
      { code: "save", words: "Save the edit instead" },
      { code: "go", words: `${what} without the edit` },
    ];
    const [chosen] = (await this.choose("Your edit is not saved", options, [], 1)) ?? [];
    if (chosen === "save") this.accept();
    return chosen === "go";
  }

  async reject() {
    if (!this.mayDecide() || !(await this.withoutEdit("Reject"))) return;
    const chosen = await this.choose("Why reject it?", this.start.choices.reject, [], 1);
    if (chosen?.length) this.decide("reject", null, chosen[0]);
  }

  async skip() {
    if (!this.item || !(await this.withoutEdit("Skip"))) return;
    const chosen = await this.choose("Why skip it?", this.start.choices.skip, [], 1);
    if (chosen?.length) this.decide("skip", null, chosen[0]);
  }

  /** Return whether one may sign out: an open edit is saved or given up first. */
  async mayLeave() {
    return (await super.mayLeave()) && (await this.withoutEdit("Sign out"));
  }

  async take(at) {
    const one = this.item.answers?.[at];
    if (!one || !this.mayDecide() || !(await this.withoutEdit("Use this answer"))) return;
    this.answer({ strategies: one.strategies ?? null, emotion: one.emotion ?? null, ratings: one.ratings ?? {}, flags: one.flags ?? [], text: one.reply?.text ?? null });
    this.decide(one.verdict, null, one.reason ?? null, one.reply ?? null);
  }

  // -- deciding --

  decide(verdict, path = null, reason = null, reply = null) {
    return this.alone(async () => {
      const { item, given } = this;
      if (!item || (verdict !== "skip" && !this.mayDecide())) return;
      if (this.disputed && !given.comment) {
        $("comment").focus();
        return this.error("Give the reason in the comment.");
      }
      const sent = this.decision(verdict, reason, reply);
      const to = path ?? (this.disputed ? "/adjudicate" : "/decide");
      if (verdict === "edit" || path || this.leavesFor) return this.decideNow(to, sent);
      this.outbox.put(to, sent, this.key(item));
      this.decided(item);
    });
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
      seconds: this.clocked.seconds,
    };
  }

  fieldOf(said, sent) {
    const fields = { strategies: "show-strategies", emotion: "heard", ratings: "scales", flags: "show-flags", comment: "comment" };
    const found = fields[/^(?:reply\.)?([a-z]+)/.exec(said)?.[1]];
    return found ?? (sent.verdict === "edit" ? "edit" : super.fieldOf(said));
  }

  /** Send something that the server may find fault with, and stay until it is held. */
  async decideNow(path, sent) {
    const { item } = this;
    const draft = this.key(item);
    try {
      this.outbox.told(await send(path, sent));
      if (path !== "/gold") localStorage.removeItem(draft);
    } catch (error) {
      if (error instanceof Refused && error.status === 401) return this.failed(error);
      if (error instanceof Refused && error.status < 500) return this.refused(error, sent);
      this.outbox.put(path, sent, draft);
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
  return new Review(JSON.parse($("start").textContent));
}
