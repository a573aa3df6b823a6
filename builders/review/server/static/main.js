// Opens whichever page it is on.

import { openCompare } from "./compare.js";
import { openHeld } from "./held.js";
import { openMatch } from "./match.js";
import { $, notice, scrollable, send } from "./page.js";
import { openReview } from "./review.js";

$("leave")?.addEventListener("click", async () => {
  if (desk?.mayLeave && !(await desk.mayLeave())) return;
  await send("/leave", {});
  location.href = "/join";
});

async function join(who) {
  try {
    await send("/join", who);
    location.replace("/");
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
    notice(wanted ? "Crisis items are included from the next item on." : "Crisis items are no longer included.");
  });
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
    scrollable();
  }, 10_000);
}

const OPENERS = { join: openDoor, guidelines: openGuidelines, review: openReview, compare: openCompare, held: openHeld, match: openMatch, progress: openProgress };
// A page on which something is decided says whether one may leave it.
const desk = OPENERS[document.body.dataset.page]?.();
scrollable();
addEventListener("resize", scrollable);
