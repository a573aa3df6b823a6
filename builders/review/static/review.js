// The review page: hearing, reading, deciding. One module, no libraries, nothing from elsewhere.
// Text of a corpus only ever becomes text: there is no innerHTML here.

const $ = (id) => document.getElementById(id);
const page = document.body.dataset.page;
const formToken = document.querySelector('meta[name="form-token"]')?.content ?? "";

/** Make an element with text or children. */
function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

class Refused extends Error {
  constructor(status, errors) {
    super(errors.join("\n"));
    this.status = status;
  }
}

/** Send JSON to the server; a Refused says what it answered, a TypeError that it was not reached. */
async function send(path, body) {
  const answered = await fetch(path, {
    method: body === undefined ? "GET" : "POST",
    headers: body === undefined ? {} : { "Content-Type": "application/json", "X-Form-Token": formToken },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const said = await answered.json();
  if (!answered.ok) throw new Refused(answered.status, said.errors ?? ["the server refused"]);
  return said;
}

function notice(text) {
  if ($("notice")) $("notice").textContent = text;
}

$("leave")?.addEventListener("click", async () => {
  await send("/leave", {});
  location.href = "/join";
});

// ---- the door and the guidelines -------------------------------------------------------------

async function join(who) {
  try {
    await send("/join", who);
    location.replace("/review");
  } catch (error) {
    notice(error.message);
  }
}

function openDoor() {
  const token = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  if (token) join({ token });
  window.addEventListener("hashchange", () => location.reload());
  $("join")?.addEventListener("submit", (event) => {
    event.preventDefault();
    join({ name: $("name").value });
  });
}

function openGuidelines() {
  $("crisis").addEventListener("change", async (event) => {
    const { wanted } = await send("/crisis", { wanted: event.target.checked });
    notice(wanted ? "You get crisis items from the next item on." : "You get no crisis items any more.");
  });
}

// ---- sound -----------------------------------------------------------------------------------

/** One media element for everything that is played; clips of the next items are fetched ahead. */
class Player {
  #clips = new Map();
  #queue = [];
  #last = 0;
  #counting = false;

  constructor(element) {
    this.element = element;
    this.target = null;
    this.playing = null;
    this.heard = 0;
    this.onheard = this.onturn = this.onbroken = () => {};
    element.addEventListener("timeupdate", () => this.#count());
    element.addEventListener("ended", () => this.#ended());
    element.addEventListener("error", () => {
      if (this.playing === this.target && element.src) this.onbroken();
    });
  }

  /** Take an item's clip as the target; `heard` are the seconds of it heard before. */
  load(address, duration, heard = 0) {
    this.element.pause();
    this.#queue = [];
    this.target = address;
    this.duration = duration;
    this.heard = heard;
    this.element.loop = false;
    if (address) this.#switch(address);
    else this.playing = null;
  }

  /** Fetch clips ahead, and let go of those that are not needed any more. */
  async prefetch(addresses) {
    for (const [address, clip] of this.#clips) {
      if (!addresses.includes(address)) {
        this.#clips.delete(address);
        clip.then((url) => url && address !== this.playing && URL.revokeObjectURL(url));
      }
    }
    for (const address of addresses) {
      if (!this.#clips.has(address)) this.#clips.set(address, fetchClip(address));
    }
  }

  /** Put another clip before the element; `ready` says when it is there. */
  #switch(address) {
    this.element.pause();
    this.playing = address;
    this.#counting = false; // what the clip before still has to say is not of this one
    this.ready = Promise.resolve(this.#clips.get(address)).then((held) => {
      if (this.playing === address) this.element.src = held || address;
    });
  }

  async play(address = this.target, from = null) {
    if (!address) return;
    this.onturn(address);
    if (this.playing !== address) this.#switch(address);
    await this.ready;
    if (this.playing !== address) return; // another one was asked for meanwhile
    if (from !== null) this.element.currentTime = from;
    this.#last = this.element.currentTime;
    this.#counting = true;
    await this.element.play().catch(() => {});
  }

  toggle() {
    this.#queue = [];
    if (this.playing !== this.target || this.element.paused) {
      const over = this.playing === this.target && this.element.ended;
      this.play(this.target, over ? 0 : null);
    } else this.element.pause();
  }

  /** Play several clips one after the other. */
  chain(addresses) {
    this.#queue = addresses.slice(1);
    this.play(addresses[0], 0);
  }

  back(seconds) {
    if (this.playing !== this.target) return this.play(this.target, 0);
    this.element.currentTime = this.#last = Math.max(0, this.element.currentTime - seconds);
  }

  #count() {
    const now = this.element.currentTime;
    const passed = now - this.#last;
    this.#last = now;
    if (this.#counting && this.playing === this.target && passed > 0 && passed < 2) {
      this.heard += passed;
      this.onheard(this.heard);
    }
  }

  #ended() {
    this.#count();
    if (this.#queue.length) this.play(this.#queue.shift(), 0);
    else this.onturn(null);
  }
}

/** Return the address of a clip that is held in memory, or null where that fails. */
async function fetchClip(address) {
  try {
    const answered = await fetch(address);
    return answered.ok ? URL.createObjectURL(await answered.blob()) : null;
  } catch {
    return null;
  }
}

// ---- the waveform ----------------------------------------------------------------------------

class Wave {
  constructor(canvas, player) {
    this.canvas = canvas;
    this.player = player;
    this.drawing = null;
    canvas.addEventListener("click", (event) => {
      const share = (event.clientX - canvas.getBoundingClientRect().left) / canvas.clientWidth;
      player.play(player.target, share * (this.drawing?.duration ?? player.duration));
    });
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    const step = () => {
      if (!player.element.paused) this.draw();
      requestAnimationFrame(step);
    };
    step();
    player.element.addEventListener("seeked", () => this.draw());
  }

  show(drawing) {
    this.drawing = drawing;
    this.draw();
  }

  draw() {
    const { canvas, drawing, player } = this;
    const scale = devicePixelRatio || 1;
    const width = (canvas.width = canvas.clientWidth * scale);
    const height = (canvas.height = canvas.clientHeight * scale);
    const brush = canvas.getContext("2d");
    if (!drawing || !width) return;
    // Colours with light-dark() are resolved where a property takes a colour.
    const style = getComputedStyle(canvas);
    const colour = (name) => {
      canvas.style.color = `var(${name})`;
      const found = style.color;
      canvas.style.color = "";
      return found;
    };
    brush.fillStyle = colour("--wave");
    const bar = width / drawing.peaks.length;
    drawing.peaks.forEach(([low, high], at) => {
      const top = ((1 - high) * height) / 2;
      brush.fillRect(at * bar, top, Math.max(1, bar), Math.max(scale, ((high - low) * height) / 2));
    });
    this.#pitch(brush, drawing.pitch, colour("--pitch"), width, height, scale);
    if (player.playing === player.target && player.target) {
      brush.fillStyle = colour("--ink");
      const at = (player.element.currentTime / drawing.duration) * width;
      brush.fillRect(at, 0, 2 * scale, height);
    }
  }

  /** Draw the pitch from 60 to 400 Hz, an octave always being as high as another. */
  #pitch(brush, pitch, colour, width, height, scale) {
    brush.fillStyle = colour;
    const octaves = Math.log2(400 / 60);
    pitch.forEach((hertz, at) => {
      if (hertz === null) return;
      const up = Math.log2(hertz / 60) / octaves;
      brush.fillRect((at / pitch.length) * width, (1 - up) * (height - 3 * scale), 3 * scale, 3 * scale);
    });
  }
}

// ---- what changes in an edit -----------------------------------------------------------------

/** Return the words of two texts as [kind, word], kind being "", "ins" or "del". */
export function diff(before, after) {
  const [a, b] = [before, after].map((text) => text.split(/(\s+)/).filter(Boolean));
  const longest = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      longest[i][j] = a[i] === b[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
  const found = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) found.push(["", a[i++], j++]);
    else if (i < a.length && (j === b.length || longest[i + 1][j] >= longest[i][j + 1])) found.push(["del", a[i++]]);
    else found.push(["ins", b[j++]]);
  }
  return found;
}

// ---- the review itself -----------------------------------------------------------------------

const words = (code) => code.replaceAll("_", " ");

class Review {
  constructor(start) {
    this.start = start;
    this.items = start.items;
    this.left = start.left;
    this.again = start.again;
    this.item = null;
    this.decidedAt = new Map();
    this.player = new Player($("sound"));
    this.wave = new Wave($("wave"), this.player);
    this.player.onheard = (seconds) => this.hear(seconds);
    this.player.onturn = (address) => this.mark(address);
    this.player.onbroken = () => this.broken();
    this.outbox = new Outbox(`hearten outbox ${start.build} ${start.annotator}`);
    for (const [, sent] of this.outbox.waiting) this.decidedAt.set(sent.item, sent.version);
    this.outbox.onsent = () => this.count();
    this.outbox.onrefused = (error, sent) => this.refused(error, sent);
    this.tabs = new BroadcastChannel(`hearten ${start.build} ${start.annotator}`);
    this.tab = crypto.randomUUID();
    this.tabs.onmessage = ({ data }) => this.otherTab(data);
    this.listen();
    this.next();
    setInterval(() => this.item && send("/renew", { item: this.item.item }).catch(() => {}), 60_000);
  }

  listen() {
    const on = (id, action) => $(id)?.addEventListener("click", action);
    for (const [id, action] of Object.entries(this.buttons())) on(id, action);
    $("editing").addEventListener("submit", (event) => (event.preventDefault(), this.decide("edit")));
    $("edit").addEventListener("input", () => this.edited());
    for (const scale of this.start.choices.scale)
      $(`scale-${scale.code}`).addEventListener("change", (event) => this.rate(scale.code, Number(event.target.value)));
    $("heard").addEventListener("change", (event) => this.answer({ emotion: event.target.value || null }));
    $("comment").addEventListener("input", (event) => this.answer({ comment: event.target.value || null }));
    $("sound").addEventListener("timeupdate", () => this.clock());
    window.addEventListener("beforeunload", (event) => this.outbox.waiting.length && event.preventDefault());
  }

  buttons() {
    return {
      play: () => this.player.toggle(),
      replay: () => this.player.play(this.player.target, 0),
      back: () => this.player.back(2),
      slow: () => this.slow(),
      loop: () => this.loop(),
      chain: () => this.player.chain(this.sounds()),
      reveal: () => this.reveal(),
      accept: () => this.decide("accept"),
      "start-editing": () => this.startEditing(),
      "stop-editing": () => this.stopEditing(),
      reject: () => this.reject(),
      skip: () => this.skip(),
      undo: () => this.undo(),
      gold: () => this.decide("accept", "/gold"),
      "show-strategies": () => this.chooseStrategies(),
      "as-drafted": () => this.item.draft && this.answer({ strategies: null }),
      "show-flags": () => this.chooseFlags(),
      "look-again": () => this.fill(true),
      "show-keys": () => $("keys").showModal(),
    };
  }

  // -- which item --

  async next() {
    const item = this.items.shift() ?? null;
    this.show(item);
    if (item) this.fill(false);
    else await this.fill(true);
  }

  /** Fetch the items after this one; show the first of them where there is none before us. */
  async fill(show) {
    if (this.again || this.start.mode === "disputed") return;
    try {
      const { items } = await send(`/items?count=${this.start.ahead}`);
      // An answer may be older than a decision that was on its way meanwhile.
      const fresh = ({ item, version }) => version > (this.decidedAt.get(item) ?? -1);
      this.items = items.filter((one) => one.item !== this.item?.item && fresh(one));
      if (show && !this.item && this.items.length) return this.next();
      this.prefetch();
    } catch (error) {
      this.failed(error);
    }
  }

  prefetch() {
    const ahead = [this.item, ...this.items].filter((one) => one?.audio && one.duration < 120);
    this.player.prefetch(ahead.map((one) => one.audio));
    for (const one of this.items) if (one.drawing) fetch(one.drawing).catch(() => {});
  }

  show(item) {
    this.item = item;
    $("errors").textContent = "";
    $("desk").hidden = !item;
    $("done").hidden = !!item || this.start.mode === "disputed";
    this.count();
    if (!item) return void this.player.load(null, 0);
    this.given = this.restored(item);
    this.showTalk(item);
    this.showWork(item);
    this.showSound(item);
    // What scrolls can be reached by keyboard; what does not is no stop on the way.
    for (const id of ["background", "turns", "text", "reply"])
      $(id).tabIndex = $(id).scrollHeight > $(id).clientHeight + 1 ? 0 : -1;
    this.prefetch();
    this.tabs.postMessage({ kind: "open", item: item.item, tab: this.tab });
    window.scrollTo(0, 0);
    $("main").focus({ preventScroll: true });
  }

  count() {
    const waiting = this.outbox.waiting.length;
    $("left").textContent = `${this.left} left` + (waiting ? `, ${waiting} to be sent` : "");
  }

  // -- what was answered so far: kept in the browser until it is decided --

  key(item) {
    return `hearten draft ${this.start.annotator} ${item.item} ${item.seen} ${item.version}`;
  }

  restored(item) {
    const empty = { strategies: null, ratings: {}, emotion: null, flags: [], comment: null, heard: 0, text: null };
    const mine = item.mine
      ? { ...item.mine, heard: item.mine.seconds_heard, text: item.mine.reply?.text ?? null }
      : {};
    let held = {};
    try {
      held = JSON.parse(localStorage.getItem(this.key(item)) ?? "{}");
    } catch {}
    return { ...empty, ...mine, ...held };
  }

  answer(more) {
    Object.assign(this.given, more);
    try {
      localStorage.setItem(this.key(this.item), JSON.stringify(this.given));
    } catch {}
    this.showAnswers();
  }

  // -- showing it --

  showTalk(item) {
    $("background").hidden = !item.background;
    $("background").textContent = item.background ?? "";
    $("turns").replaceChildren(...item.turns.map((turn) => this.turn(turn, item.language)));
    $("turns").scrollTop = $("turns").scrollHeight;
    $("speaker").textContent = item.speaker ?? "the speaker";
    $("emotion").textContent = [item.emotions.primary, item.emotions.secondary].filter(Boolean).map(words).join(", ");
    $("text").textContent = item.text;
    $("text").lang = $("reply").lang = $("edit").lang = item.language;
  }

  turn(turn, language) {
    const said = el("span", { class: "speaker", dir: "auto" }, turn.speaker ?? turn.role);
    const button =
      turn.audio && el("button", { type: "button", "data-audio": turn.audio, "aria-label": `Play ${turn.speaker ?? "this turn"}` }, "▶");
    button?.addEventListener("click", () => this.player.play(turn.audio, 0));
    const emotion = turn.emotion && el("span", { class: "chip" }, words(turn.emotion));
    return el(
      "li",
      { class: turn.role, "data-audio": turn.audio },
      el("div", { class: "said" }, button, said, emotion),
      el("div", { dir: "auto", lang: language }, turn.text),
    );
  }

  showSound(item) {
    $("player").hidden = !item.audio;
    $("silent").hidden = !!item.audio || this.start.textOnly;
    $("slow").ariaPressed = $("loop").ariaPressed = "false";
    this.player.element.playbackRate = this.player.element.defaultPlaybackRate = 1;
    this.player.load(item.audio, item.duration, this.given.heard);
    this.wave.show(null);
    if (item.drawing)
      send(item.drawing)
        .then((drawing) => this.item === item && this.wave.show(drawing))
        .catch(() => {});
    this.clock();
    this.lock();
  }

  showWork(item) {
    $("hidden-draft").hidden = !item.hidden;
    $("draft").hidden = item.hidden;
    $("reply").hidden = false;
    $("editing").hidden = true;
    $("reply").textContent = item.draft?.text ?? "";
    $("comment").value = this.given.comment ?? "";
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
    this.lock();
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
        const take = el("button", { type: "button" }, "Take this answer ", el("kbd", {}, String(at + 1)));
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

  sounds() {
    return [...this.item.turns.map((turn) => turn.audio), this.item.audio].filter(Boolean);
  }

  mark(address) {
    for (const turn of $("turns").children) {
      const plays = !!address && turn.dataset.audio === address;
      turn.classList.toggle("playing", plays);
      if (plays) turn.scrollIntoView({ block: "nearest" });
    }
  }

  /** Play the turn before or after the one that was played last. */
  step(by) {
    const sounds = this.sounds();
    if (!sounds.length) return;
    const at = sounds.indexOf(this.player.playing);
    this.player.chain([sounds[Math.max(0, Math.min(sounds.length - 1, at + by))]]);
  }

  hear(seconds) {
    if (this.item) this.given.heard = seconds;
    this.lock();
  }

  clock() {
    const shown = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
    if (this.item?.duration) {
      const at = this.player.playing === this.player.target ? this.player.element.currentTime : 0;
      $("clock").textContent = `${shown(at)} of ${shown(this.item.duration)}`;
    }
  }

  slow() {
    const slow = $("slow").ariaPressed !== "true";
    $("slow").ariaPressed = String(slow);
    this.player.element.playbackRate = this.player.element.defaultPlaybackRate = slow ? 0.5 : 1;
  }

  loop() {
    this.player.element.loop = !this.player.element.loop;
    $("loop").ariaPressed = String(this.player.element.loop);
  }

  broken() {
    notice("The sound cannot be played. Flag it as broken (f), or skip the item (s).");
  }

  /** Say whether one may decide now, and hold the buttons to it. */
  lock() {
    const item = this.item;
    if (!item) return;
    const heard = !item.audio || this.given.flags.includes("audio_broken") || this.given.heard >= 0.93 * item.duration;
    this.open = heard && !item.hidden;
    for (const id of ["accept", "start-editing", "reject", "gold"]) if ($(id)) $(id).disabled = !this.open;
    $("locked").hidden = this.open;
    $("locked").textContent = heard ? "Answer first, then see the reply and decide." : "Hear the speaker once; then you can decide.";
  }

  // -- answering --

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
    const chosen = await choose("Which strategies, in the order they are carried out?", this.start.strategies, now, this.start.most);
    if (chosen) this.answer({ strategies: chosen.length ? chosen : null });
  }

  async chooseFlags() {
    const chosen = await choose("Flag this item", this.start.choices.flag, this.given.flags, 9);
    if (chosen) this.answer({ flags: chosen });
  }

  async reveal() {
    if (!this.given.strategies?.length) return this.error("Choose strategies first (g): they are your answer without the reply.");
    const { item, given } = this;
    try {
      const shown = await send("/first-answer", { ...about(item), strategies: given.strategies, emotion: given.emotion });
      if (this.item !== item) return;
      this.item = shown;
      this.showWork(shown);
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
    const chosen = await choose("Why reject it?", this.start.choices.reject, [], 1);
    if (chosen?.length) this.decide("reject", null, chosen[0]);
  }

  async skip() {
    const chosen = await choose("Why skip it?", this.start.choices.skip, [], 1);
    if (chosen?.length) this.decide("skip", null, chosen[0]);
  }

  take(at) {
    const one = this.item.answers?.[at];
    if (!one || !this.open) return;
    this.answer({ strategies: one.strategies ?? null, emotion: one.emotion ?? null, ratings: one.ratings ?? {}, flags: one.flags ?? [], text: one.reply?.text ?? null });
    this.decide(one.verdict, null, one.reason ?? null, one.reply ?? null);
  }

  // -- deciding --

  async decide(verdict, path = null, reason = null, reply = null) {
    const { item, given } = this;
    if (!item || (verdict !== "skip" && !this.open)) return;
    if (this.start.mode === "disputed" && !given.comment) {
      $("comment").focus();
      return this.error("Say in the comment why you decide so.");
    }
    const sent = {
      ...about(item),
      event_id: crypto.randomUUID(),
      verdict,
      reason,
      reply: verdict === "edit" ? (reply ?? { ...item.draft, text: given.text.trim(), strategies: given.strategies ?? item.draft.strategies }) : null,
      // Whoever takes a reply as it is labelled agrees with its strategies.
      strategies: given.strategies ?? (["accept", "edit"].includes(verdict) ? item.draft.strategies : null),
      ratings: given.ratings,
      emotion: given.emotion,
      flags: given.flags,
      comment: given.comment,
      seconds_heard: given.heard,
    };
    if (verdict === "edit" && sent.reply.text === item.draft.text && !given.strategies) return this.error("Nothing is changed: accept it instead.");
    if (verdict === "edit" || path || this.start.mode === "disputed") return this.decideNow(path ?? this.path(), sent);
    this.outbox.put(this.path(), sent);
    this.decided(item);
  }

  path() {
    return this.start.mode === "disputed" ? "/adjudicate" : "/decide";
  }

  /** Send something that the server may find fault with, and stay until it is held. */
  async decideNow(path, sent) {
    const { item } = this;
    try {
      await send(path, sent);
    } catch (error) {
      if (error instanceof Refused) return this.refused(error, sent);
      this.outbox.put(path, sent);
    }
    if (path === "/gold") return notice("Kept as gold: from now on it tests annotators.");
    this.decided(item);
  }

  decided(item) {
    localStorage.removeItem(this.key(item));
    this.decidedAt.set(item.item, item.version);
    this.tabs.postMessage({ kind: "decided", item: item.item, tab: this.tab });
    if (this.again) return void (location.href = "/mine");
    if (this.start.mode === "disputed") return void (location.href = "/disputed");
    this.left = Math.max(0, this.left - 1);
    notice("");
    this.next();
  }

  async undo() {
    await this.outbox.empty();
    try {
      const { item } = await send("/undo", {});
      if (!item) return notice("There is nothing to undo.");
      if (this.item) this.items.unshift(this.item);
      this.left += 1;
      this.show({ ...item, version: item.version });
      notice(`Taken back: ${item.mine.verdict}. Decide again.`);
    } catch (error) {
      this.failed(error);
    }
  }

  /** Show what the server found wrong, with the item it was about. */
  async refused(error, sent) {
    this.error(error.message);
    if (error.status === 401) return void (location.href = "/join");
    if (error.status !== 409 && this.item?.item === sent.item) return;
    try {
      const item = await send(`/item?item=${encodeURIComponent(sent.item)}`);
      if (this.item && this.item.item !== item.item) this.items.unshift(this.item);
      this.show(item);
      this.error(error.message);
    } catch {}
  }

  otherTab({ kind, item, tab }) {
    if (!this.item || item !== this.item.item || tab === this.tab) return;
    if (kind === "open") {
      this.tabs.postMessage({ kind: "here", item, tab: this.tab });
      notice("This item is open in another tab too.");
    }
    if (kind === "here") notice("This item is open in another tab too. Only the first decision of the two counts.");
    if (kind === "decided") {
      this.next();
      this.error("You have decided about that item in another tab.");
    }
  }

  failed(error) {
    if (error instanceof Refused && error.status === 401) location.href = "/join";
    this.error(error instanceof Refused ? error.message : "The server cannot be reached. What you decided is kept and sent later.");
  }

  error(text) {
    $("errors").textContent = text;
  }
}

const about = ({ item, seen, version }) => ({ item, seen, version });

/** Decisions that are on their way: kept in the browser until the server has them. */
class Outbox {
  constructor(name) {
    this.name = name;
    this.onrefused = this.onsent = () => {};
    this.waiting = JSON.parse(localStorage.getItem(name) ?? "[]");
    this.sending = null;
    if (this.waiting.length) this.empty();
    setInterval(() => this.empty(), 2000);
  }

  put(path, sent) {
    this.waiting.push([path, sent]);
    this.#keep();
    this.empty();
  }

  #keep() {
    localStorage.setItem(this.name, JSON.stringify(this.waiting));
  }

  empty() {
    this.sending ??= this.#send().finally(() => (this.sending = null));
    return this.sending;
  }

  async #send() {
    while (this.waiting.length) {
      const [path, sent] = this.waiting[0];
      try {
        const { surplus } = await send(path, sent);
        notice(surplus ? "Kept as surplus: others had decided about that item by now." : "");
      } catch (error) {
        if (!(error instanceof Refused) || error.status === 503) {
          notice(`No connection: ${this.waiting.length} decided and kept here, sent as soon as it is back.`);
          return;
        }
        this.onrefused(error, sent);
      }
      this.waiting.shift();
      this.#keep();
      this.onsent();
    }
  }
}

// ---- choosing from a list by keys ------------------------------------------------------------

const CHOICE_KEYS = "123456789abcdefghijklmnopq";

/** Let somebody choose up to `most` of the options; null where they cancel. */
function choose(title, options, chosen, most) {
  const dialog = $("choose");
  let now = [...chosen];
  $("choose-title").textContent = title;
  const buttons = options.map((option, at) => {
    const button = el("button", { type: "button", "aria-pressed": "false" }, el("kbd", {}, CHOICE_KEYS[at]), option.words);
    if (option.meaning) button.append(el("small", {}, option.meaning));
    button.addEventListener("click", () => toggle(option.code));
    return button;
  });
  const show = () => buttons.forEach((button, at) => (button.ariaPressed = String(now.includes(options[at].code))));
  const toggle = (code) => {
    if (now.includes(code)) now = now.filter((one) => one !== code);
    else now = most === 1 ? [code] : [...now, code].slice(0, most);
    show();
    if (most === 1) finish(now);
  };
  let finish;
  const finished = new Promise((resolve) => {
    finish = (value) => {
      resolve(value);
      leave(dialog);
    };
  });
  $("choose-list").replaceChildren(...buttons);
  $("choose-done").hidden = most === 1;
  show();
  dialog.onkeydown = (event) => {
    event.stopPropagation(); // what closes the list is no key of the page under it
    const at = CHOICE_KEYS.indexOf(event.key);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (at >= 0 && at < options.length) {
      event.preventDefault();
      toggle(options[at].code);
    } else if (event.key === "Enter" && most > 1 && event.target !== $("choose-stop")) {
      event.preventDefault();
      finish(now);
    } else if (event.key === "Escape") {
      event.preventDefault();
      finish(null);
    }
  };
  $("choose-done").onclick = () => finish(now);
  $("choose-stop").onclick = () => finish(null);
  // The list before may have been closed so shortly ago that its event comes only now.
  dialog.onclose = () => dialog.open || finish(null);
  dialog.showModal();
  return finished;
}

/** Close a dialog; where nothing had the focus before it, the page has it, not what was in it. */
function leave(dialog) {
  if (dialog.open) dialog.close();
  if (dialog.contains(document.activeElement)) $("main").focus({ preventScroll: true });
}

// ---- keys ------------------------------------------------------------------------------------

function openReview() {
  const review = new Review(JSON.parse($("start").textContent));
  const act = review.buttons();
  const keys = [
    [" ", "Space", "play or pause the speaker", act.play],
    ["r", "r", "replay the speaker", act.replay],
    ["b", "b", "back two seconds", act.back],
    ["h", "h", "half speed, and back", act.slow],
    ["o", "o", "loop, and back", act.loop],
    ["c", "c", "play all turns", act.chain],
    ["k", "k", "play the turn before", () => review.step(-1)],
    ["j", "j", "play the turn after", () => review.step(1)],
    ["a", "a", "accept", act.accept],
    ["e", "e", "edit", act["start-editing"]],
    ["x", "x", "reject, with a reason", act.reject],
    ["s", "s", "skip, with a reason", act.skip],
    ["u", "u", "undo, as often as you like", act.undo],
    ["d", "d", "show a hidden reply", act.reveal],
    ["g", "g", "choose strategies", act["show-strategies"]],
    ["y", "y", "take the strategies as drafted", act["as-drafted"]],
    ["m", "m", "correct the emotion", () => $("heard").focus()],
    ["f", "f", "flag", act["show-flags"]],
    ["t", "t", "comment", () => $("comment").focus()],
    ["?", "?", "these keys", act["show-keys"]],
  ];
  const byKey = new Map(keys.map(([key, , , action]) => [key, action]));
  const rows = [...keys.map(([, shown, what]) => [shown, what]), ["1 … 5", review.start.mode === "disputed" ? "take an answer" : "rate the next scale"], ["Esc", "leave a field"]];
  $("key-list").replaceChildren(...rows.map(([shown, what]) => el("tr", {}, el("th", { scope: "row" }, el("kbd", {}, shown)), el("td", {}, what))));
  $("keys-on").checked = localStorage.getItem("hearten keys") !== "off";
  $("keys-on").addEventListener("change", (event) => localStorage.setItem("hearten keys", event.target.checked ? "on" : "off"));

  $("keys").addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key !== "Escape") return;
    event.preventDefault();
    leave($("keys"));
  });
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") || event.isComposing) return;
    const typing = event.target.matches("textarea, select, input:not([type=radio], [type=checkbox])");
    if (event.key === "Escape" && typing) {
      event.target.blur();
      if (event.target.id === "edit") review.stopEditing();
    } else if (event.key === "Enter" && event.target.id === "edit" && (event.ctrlKey || event.metaKey)) {
      review.decide("edit");
    } else if (event.key === "Enter" && event.target.matches("#comment, #heard")) {
      event.preventDefault();
      event.target.blur();
    } else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey && $("keys-on").checked && review.item) {
      pressed(event);
    }
  });

  function pressed(event) {
    const onButton = event.target.matches("button, a, summary, input");
    if (event.repeat || (event.key === " " && onButton)) return;
    const number = Number(event.key);
    if (number >= 1 && number <= 5) {
      if (review.start.mode === "disputed") review.take(number - 1);
      else review.rateNext(number);
    } else if (byKey.has(event.key)) {
      event.preventDefault();
      byKey.get(event.key)();
    }
  }
}

/** Look again every ten seconds, and leave open what was opened. */
function openProgress() {
  setInterval(async () => {
    if (document.hidden) return;
    const answered = await fetch("/progress").catch(() => null);
    if (!answered?.ok) return;
    const fresh = new DOMParser().parseFromString(await answered.text(), "text/html").querySelector("section");
    const open = [...document.querySelectorAll("details")].map((one) => one.open);
    fresh.querySelectorAll("details").forEach((one, at) => (one.open = open[at] ?? false));
    document.querySelector("#main section").replaceWith(document.adoptNode(fresh));
  }, 10_000);
}

const OPENERS = { join: openDoor, guidelines: openGuidelines, review: openReview, progress: openProgress };
OPENERS[page]?.();
