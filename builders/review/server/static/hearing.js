// Hearing an item: its clip, the turns before it and the spoken reply, at which speed, and how much of it.

import { $, announce, keep, kept, send, told } from "./page.js";
import { Player, Wave } from "./sound.js";

// So much of a clip is heard before one decides; the server asks for a little less.
const ENOUGH = 0.93;
const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];

/** What is heard at a desk; `item`, `given`, `start` and `lock` are those of the desk. */
export class Hearing {
  constructor() {
    this.player = new Player($("sound"));
    this.wave = new Wave($("wave"), this.player);
    this.player.onheard = (heard) => this.hear(heard);
    this.player.onturn = (address) => this.mark(address);
    this.player.onbroken = () => this.broken();
    $("sound").addEventListener("timeupdate", () => this.clock());
  }

  /** What the keys and buttons for hearing do, by name. */
  sounding() {
    return {
      play: () => this.player.toggle(),
      replay: () => this.player.from(0),
      back: () => this.player.back(2),
      slow: () => this.pace(-1),
      fast: () => this.pace(1),
      autoplay: () => this.autoplay(!this.playsOn),
      loop: () => this.loop(),
      chain: () => this.player.chain(this.sounds()),
      before: () => this.step(-1),
      after: () => this.step(1),
      say: () => this.say(),
      picture: () => this.picture(!this.pictured),
    };
  }

  showSound(item) {
    $("player").hidden = !item.audio;
    $("silent").hidden = !!item.audio || this.start.textOnly;
    $("loop").ariaPressed = "false";
    this.player.load(item.audio, item.duration, this.given.heard, this.given.parts);
    this.wave.show(null);
    if (item.drawing)
      send(item.drawing)
        .then((drawing) => this.item === item && this.wave.show(drawing))
        .catch(() => {});
    this.player.speed = this.speed;
    this.showPicture();
    this.clock();
    this.lock();
  }

  /** The speed, whether the next clip plays by itself and shows its spectrogram: kept from item to item. */
  settings() {
    const set = (name, otherwise) => kept(`hearten ${name} ${this.start.annotator}`, otherwise);
    const speed = set("speed", 1);
    this.speed = SPEEDS.includes(speed) ? speed : 1;
    $("speed").textContent = `${this.speed}×`;
    this.playsOn = set("autoplay", false);
    $("autoplay").ariaPressed = String(this.playsOn);
    this.pictured = set("picture", false);
  }

  /** Show the spectrogram, or do not; the server draws one only if it can. */
  picture(on) {
    if (on && !this.item.mel) return told("There is no spectrogram of this item.");
    keep(`hearten picture ${this.start.annotator}`, on);
    this.settings();
    this.showPicture();
    announce(on ? "The spectrogram is shown." : "The spectrogram is hidden.");
  }

  showPicture() {
    const { mel } = this.item;
    $("picture").hidden = !mel;
    $("picture").ariaPressed = String(this.pictured);
    $("mel").hidden = !mel || !this.pictured;
    if (mel && this.pictured) $("mel").src = mel;
  }

  pace(by) {
    const at = SPEEDS.indexOf(this.speed) + by;
    if (!(at in SPEEDS)) return told(by < 0 ? "It cannot be slower." : "It cannot be faster.");
    keep(`hearten speed ${this.start.annotator}`, SPEEDS[at]);
    this.settings();
    this.player.speed = this.speed;
    announce(`Speed ${this.speed}`);
  }

  autoplay(on) {
    keep(`hearten autoplay ${this.start.annotator}`, on);
    this.settings();
    announce(on ? "Each next clip plays by itself." : "Clips play when you say so.");
  }

  /** Play the spoken reply, where there is one in sight. */
  say() {
    const { spoken } = this.item;
    if (spoken) this.player.chain([spoken]);
    else told("There is no spoken reply to this item.");
  }

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

  hear({ seconds, parts }) {
    if (this.item?.audio !== this.player.target) return;
    Object.assign(this.given, { heard: seconds, parts });
    this.lock();
  }

  clock() {
    const shown = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
    if (this.item?.duration) {
      const at = this.player.playing === this.player.target ? this.player.element.currentTime : 0;
      $("clock").textContent = `${shown(at)} of ${shown(this.item.duration)}`;
    }
  }

  loop() {
    this.player.element.loop = !this.player.element.loop;
    $("loop").ariaPressed = String(this.player.element.loop);
  }

  /** Return whether the speaker was heard, as far as they can be. */
  get wasHeard() {
    const { audio, duration } = this.item;
    return !audio || this.soundIsBroken || this.player.heard.covered >= ENOUGH * duration;
  }
}
