// Two clips of the same words and two replies: which reply answers the first voice.

import { $, announce, meant, notice, send } from "./page.js";

// Which key is which answer.
const KEYS = { 1: "a", 2: "b", 0: "cannot_tell" };

let pair = null;

/** Return how many seconds of a clip were played, each part counted once. */
function played(clip) {
  let seconds = 0;
  for (let at = 0; at < clip.played.length; at += 1) seconds += clip.played.end(at) - clip.played.start(at);
  return seconds;
}

const heard = (clip) => !!clip.duration && played(clip) >= 0.93 * clip.duration;

function unlock() {
  const open = !!pair && heard($("clip-1")) && heard($("clip-2"));
  for (const button of document.querySelectorAll("[data-choice]")) button.disabled = !open;
  $("locked").textContent = open || !pair ? "" : "Listen to both clips to the end; then you can answer.";
}

function show(next) {
  pair = next;
  $("desk").hidden = !pair;
  $("end").hidden = !!pair;
  if (!pair) return;
  $("left").textContent = `${pair.left} left`;
  $("words").textContent = pair.words;
  pair.clips.forEach((address, at) => ($(`clip-${at + 1}`).src = address));
  pair.replies.forEach((reply, at) => ($(`reply-${at}`).textContent = reply));
  unlock();
  announce(`Next pair: ${pair.words}`);
}

async function choose(choice) {
  if (!pair || $("choose-a").disabled) return;
  const sent = { pair: pair.id, seen: pair.seen, choice, heard_1: played($("clip-1")), heard_2: played($("clip-2")) };
  for (const button of document.querySelectorAll("[data-choice]")) button.disabled = true;
  try {
    notice("");
    show((await send("/match/answer", sent)).pair);
  } catch (error) {
    notice(error.message);
    unlock();
  }
}

export async function openMatch() {
  for (const button of document.querySelectorAll("[data-choice]")) button.addEventListener("click", () => choose(button.dataset.choice));
  for (const clip of [$("clip-1"), $("clip-2")]) {
    clip.addEventListener("timeupdate", unlock);
    clip.addEventListener("ended", unlock);
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const choice = meant(event).map((key) => KEYS[key]).find(Boolean);
    if (choice) choose(choice);
  });
  try {
    show((await send("/match/next")).pair);
  } catch (error) {
    notice(error.message);
  }
}
