// Sound: one media element for everything that is played, what was heard of a clip, its waveform.

// Parts of a clip that lie no further apart are one; and how far a media clock may run ahead of ours.
const GAP = 0.05;
const AHEAD = 0.25;

/** What was heard of a clip: its parts in order, and the seconds of all plays together. */
class Heard {
  constructor(seconds, parts) {
    this.seconds = seconds;
    this.parts = parts;
  }

  add(from, to) {
    if (to <= from) return;
    this.seconds += to - from;
    const touches = ([a, b]) => a <= to + GAP && b >= from - GAP;
    const joined = [...this.parts.filter(touches), [from, to]];
    const whole = [Math.min(...joined.map(([a]) => a)), Math.max(...joined.map(([, b]) => b))];
    this.parts = [...this.parts.filter((part) => !touches(part)), whole].sort(([a], [b]) => a - b);
  }

  /** How many seconds of the clip were heard at least once. */
  get covered() {
    return this.parts.reduce((sum, [from, to]) => sum + to - from, 0);
  }
}

/** Plays clips; those of the next items are fetched ahead. */
export class Player {
  #clips = new Map();
  #queue = [];
  #asked = null;
  #last = 0;
  #run = null;

  constructor(element) {
    this.element = element;
    this.target = null;
    this.playing = null;
    this.heard = new Heard(0, []);
    this.onheard = this.onturn = this.onbroken = () => {};
    element.addEventListener("timeupdate", () => this.#count());
    element.addEventListener("pause", () => this.#count());
    element.addEventListener("seeking", () => {
      this.#count();
      if (this.#run) this.#begin();
    });
    element.addEventListener("ended", () => this.#ended());
    element.addEventListener("error", () => {
      if (this.playing === this.target && element.src) this.onbroken();
    });
  }

  /** Take an item's clip as the target, with the seconds and the parts of it that were heard before. */
  load(address, duration, seconds = 0, parts = []) {
    this.pause();
    this.target = address;
    this.duration = duration;
    this.heard = new Heard(seconds, parts);
    this.element.loop = false;
    if (address) this.#switch(address);
    else this.playing = null;
  }

  /** Fetch these clips whole, and let go of those that are not needed any more. */
  fetch(addresses) {
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
    this.#run = null; // what the clip before still has to say is not of this one
    this.ready = Promise.resolve(this.#clips.get(address)).then((held) => {
      if (this.playing === address) this.element.src = held || address;
    });
  }

  async play(address = this.target, from = null) {
    if (!address) return;
    this.onturn(address);
    this.#count();
    if (this.playing !== address || this.element.error) this.#switch(address);
    const asked = (this.#asked = Symbol());
    await this.ready;
    if (this.#asked !== asked) return; // something else was asked for meanwhile
    this.#asked = null;
    if (from !== null) this.element.currentTime = from;
    this.#begin();
    await this.element.play().catch(() => {});
  }

  /** Stop what plays and what is about to. */
  pause() {
    this.#queue = [];
    this.#asked = null;
    this.element.pause();
  }

  toggle() {
    const plays = this.#asked !== null || !this.element.paused;
    if (this.playing === this.target && plays) return this.pause();
    this.#queue = [];
    const over = this.playing === this.target && this.element.ended;
    this.play(this.target, over ? 0 : null);
  }

  /** Play several clips one after the other. */
  chain(addresses) {
    this.#queue = addresses.slice(1);
    this.play(addresses[0], 0);
  }

  /** Play the target from some second on. */
  from(seconds) {
    this.#queue = [];
    this.play(this.target, seconds);
  }

  back(seconds) {
    if (this.playing !== this.target) return this.from(0);
    this.#count();
    this.element.currentTime = Math.max(0, this.element.currentTime - seconds);
    if (this.#run) this.#begin();
  }

  set speed(rate) {
    this.#count();
    this.element.playbackRate = this.element.defaultPlaybackRate = rate;
    if (this.#run) this.#begin();
  }

  /** Count from here: where the clip stands, and when that was. */
  #begin() {
    this.#last = this.element.currentTime;
    this.#run = { from: this.#last, at: performance.now() };
  }

  /** Count what was heard since the last time: no jump, and no more than the time that went by. */
  #count() {
    if (!this.#run || this.playing !== this.target) return;
    const { currentTime: now, loop, playbackRate } = this.element;
    const most = this.#run.from + ((performance.now() - this.#run.at) / 1000) * playbackRate + AHEAD;
    const again = now < this.#last - GAP;
    if (!again || loop) this.heard.add(this.#last, Math.min(again ? this.duration : now, most));
    if (again) this.#begin();
    else this.#last = now;
    this.onheard(this.heard);
  }

  #ended() {
    this.#count();
    this.#run = null;
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

/** Draws a clip: its peaks, its pitch, what was heard of it, and where it plays. */
export class Wave {
  constructor(canvas, player) {
    this.canvas = canvas;
    this.player = player;
    this.drawing = null;
    canvas.addEventListener("click", (event) => {
      const share = (event.clientX - canvas.getBoundingClientRect().left) / canvas.clientWidth;
      player.from(share * (this.drawing?.duration ?? player.duration));
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
    brush.fillStyle = colour("--main");
    for (const [from, to] of player.heard.parts) {
      const [left, right] = [from, to].map((seconds) => (seconds / drawing.duration) * width);
      brush.fillRect(left, height - 4 * scale, right - left, 4 * scale);
    }
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

