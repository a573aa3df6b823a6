// How long items take: the time for which each was before somebody, and the pace of the last ones.

// The pace is that of so many items; the first few say little.
const LAST = 20;
const LEAST = 3;

export class Clock {
  #spent = 0;
  #since = null;
  #taken = [];

  constructor() {
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#pause() : this.#go()));
  }

  begin(spent) {
    this.#spent = spent;
    this.#since = null;
    this.#go();
  }

  /** Seconds for which the item was in sight, to a tenth. */
  get seconds() {
    const now = this.#since === null ? 0 : (performance.now() - this.#since) / 1000;
    return Math.round((this.#spent + now) * 10) / 10;
  }

  end() {
    this.#taken = [...this.#taken, this.seconds].slice(-LAST);
  }

  /** Say how many items were decided, how long one takes, and how long those that are left will. */
  told(left, made) {
    const done = `${made} done`;
    if (this.#taken.length < LEAST || !left) return done;
    const half = [...this.#taken].sort((a, b) => a - b)[Math.floor(this.#taken.length / 2)];
    const minutes = Math.max(1, Math.round((half * left) / 60));
    const rest = minutes < 90 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
    return `${done}, ${Math.round(half)} s an item, about ${rest} to go`;
  }

  #go() {
    this.#since ??= document.hidden ? null : performance.now();
  }

  #pause() {
    this.#spent = this.seconds;
    this.#since = null;
  }
}
