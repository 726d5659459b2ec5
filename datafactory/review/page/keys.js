// Keys and buttons, and the beginning of it all.

const COMMANDS = {
  j: () => go(1), ArrowRight: () => go(1), k: () => go(-1), ArrowLeft: () => go(-1),
  a: () => decide("accept"), r: reject, e: edit, u: undo,
  f: () => {
    at("only").selectedIndex = (at("only").selectedIndex + 1) % at("only").length;
    at("only").dispatchEvent(new Event("change"));
  },
  m: () => {
    plain = !plain;
    if (shown && !editing) draw();
    say(plain ? "Mathematics as it is written." : "Mathematics drawn.");
  },
  "/": () => at("id").select(),
  "?": () => at("help").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (editing && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    return edited();
  }
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Escape" && editing) {
    event.preventDefault();
    return leave();
  }
  if (event.target.closest("input, textarea, select")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat && !/^(j|k|Arrow)/.test(event.key)) return;
  const command = COMMANDS[event.key];
  if (command && !(editing && !/^(j|k|\/|\?|Arrow)/.test(event.key))) {
    event.preventDefault();
    command();
  }
});

at("rejecting").addEventListener("keydown", (event) => {
  const choice = event.target !== at("note") && document.getElementsByName("reason")[Number(event.key) - 1];
  if (choice) {
    event.preventDefault();
    choice.checked = true;
    at("note").focus();
  } else if (event.key === "Enter" && event.target !== at("cancel")) {
    event.preventDefault();
    rejected();
  }
});

const BUTTONS = { previous: "k", next: "j", accept: "a", reject: "r", edit: "e", undo: "u", ask: "?" };
for (const [id, key] of Object.entries(BUTTONS)) at(id).addEventListener("click", () => { if (!editing || /[kj?]/.test(key)) COMMANDS[key](); });
at("confirm").addEventListener("click", (event) => { event.preventDefault(); rejected(); });
at("cancel").addEventListener("click", () => at("rejecting").close());
at("discard").addEventListener("click", () => leave());
at("editor").addEventListener("submit", (event) => { event.preventDefault(); edited(); });
at("only").addEventListener("change", () => {
  at("only").blur();
  // the trace that is there stays where it may; else the next one that may
  leave(() => show(`/api/trace?at=${(shown ? shown.at : 0) - 1}&step=1&only=${at("only").value}`));
});
at("jump").addEventListener("submit", async (event) => {
  event.preventDefault();
  const wanted = at("id").value.trim();
  at("id").blur();
  if (!wanted) return;
  try {
    const { at: place } = await ask(`/api/find?id=${encodeURIComponent(wanted)}`);
    if (place === null) return say(`There is no trace whose id begins with ${wanted}.`, true);
    leave(() => show(`/api/trace?at=${place}`));
  } catch (error) { say(`Not found: ${gone(error)}`, true); }
});
window.addEventListener("beforeunload", (event) => { if (changed() || waiting.length) event.preventDefault(); });

async function start() {
  try {
    about = await ask("/api/about");
  } catch (error) {
    trouble(`The page cannot begin: ${gone(error)}`);
    return;
  }
  document.title = `Review: ${about.dataset}`;
  at("dataset").textContent = about.dataset;
  at("reasons").append(...about.reasons.map((reason, place) => {
    const label = made_of("label", "", "choice");
    const choice = Object.assign(document.createElement("input"), { type: "radio", name: "reason", value: reason });
    label.append(choice, made_of("kbd", String(place + 1)), made_of("span", reason));
    return label;
  }));
  try {
    waiting = JSON.parse(localStorage.getItem(KEPT()) || "[]");
  } catch { /* nothing is kept */ }
  const left = waiting.length;
  await send();
  if (!await show("/api/trace?at=-1&step=1&only=mine")) await show("/api/trace?at=0");
  if (left) say(`${left} decision${left > 1 ? "s" : ""} that had been kept in this browser: ${waiting.length ? "not saved yet" : "saved now"}.`);
  else say(`You are ${about.reviewer}. ? shows the keys.`);
  at("trace").focus({ preventScroll: true });
}

start();
