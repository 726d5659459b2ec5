// The trace on the page, and the way from one to another.

async function show(path) {
  const number = ++turn;
  try {
    const told = await ask(path);
    if (number !== turn || changed()) return false;
    if (told.at === null) {
      say(at("only").value === "all" ? "There is no further trace." : "Nothing further is left to decide that way.");
      return false;
    }
    shown = told;
    draw();
    return true;
  } catch (error) {
    if (number === turn) say(`Not loaded: ${gone(error)}`, true);
    return false;
  }
}

// One step after the other: a key that is pressed twice goes two steps.
let moving = Promise.resolve();
const go = (by) => { moving = moving.then(() => leave(() => step(by))); };
const step = (by) => show(`/api/trace?at=${shown ? shown.at : by < 0 ? 1 : -1}&step=${by}&only=${at("only").value}`);
const gone = (error) => error.status ? error.message : "the server does not answer. Is `datafactory review` still running?";

function draw() {
  const trace = shown.trace;
  progress(shown.progress);
  const facts = Object.entries(trace.facts).map(([name, value]) => `${name.replaceAll("_", " ")} ${value}`);
  at("about").textContent = [`${shown.at + 1}`, trace.id, ...(trace.parent ? [`written from ${trace.parent}`] : []), ...facts].join(" · ");
  words();
  at("history").replaceChildren(...trace.history.map((turn) => {
    const part = document.createElement("div");
    part.append(made_of("h2", turn.role), text(made_of("div", "", "text"), turn.content));
    return part;
  }));
  text(at("question"), trace.question, trace.drawn.question);
  at("choices").replaceChildren(...trace.choices.map((choice) => text(document.createElement("li"), String(choice))));
  text(at("answer"), trace.answer, trace.drawn.answer);
  at("gold").hidden = !trace.answer;
  at("judged").hidden = !trace.verdicts.length;
  at("verdicts").replaceChildren(...trace.verdicts.map((verdict) => {
    const line = document.createElement("li");
    line.append(made_of("span", `${verdict.name}: ${verdict.status}`, `pill ${/^\w+$/.test(verdict.status) ? verdict.status : ""}`));
    if (verdict.status === "scored") line.append(`${verdict.reward} `);
    line.append(text(document.createElement("span"), verdict.detail));
    return line;
  }));
  const measures = Object.entries(trace.measures);
  at("measured").hidden = !measures.length;
  at("measures").replaceChildren(...measures.map(([name, value]) => {
    const pair = document.createElement("div");
    pair.append(made_of("dt", name), made_of("dd", typeof value === "number" ? String(+value.toPrecision(4)) : String(value)));
    return pair;
  }));
  text(at("dropped"), trace.dropped ? `Dropped: ${trace.dropped}. ${trace.evidence || ""}` : "");
  text(at("reasoning"), trace.reasoning, trace.drawn.reasoning);
  at("thought").hidden = !trace.reasoning;
  text(at("response"), trace.response, trace.drawn.response);
  stop_editing();
  at("asked").scrollTop = 0;
  window.scrollTo(0, 0);
}

// My word, and behind it those of the others: theirs are not shown before mine is said.
function words() {
  const line = at("words");
  const own = mine();
  const others = shown.words.filter((word) => word.reviewer !== about.reviewer);
  line.replaceChildren(...(own ? [own, ...others] : []).map((word) => {
    const said = document.createElement("div");
    const why = [word.reason, word.note, word.current ? "" : "about an earlier text"].filter(Boolean).join(": ");
    said.append(made_of("span", `${word.decision}ed by ${word.reviewer}`, `pill ${word.decision}`), text(document.createElement("span"), why));
    if (word.decision === "edit") said.append(written(word));
    return said;
  }));
  if (!own && others.length) line.textContent = `${others.length} other reviewer${others.length > 1 ? "s" : ""} decided; shown when you have.`;
}

function written(word) {
  const details = document.createElement("details");
  details.append(made_of("summary", "the edited text"));
  for (const part of ["reasoning", "response"]) {
    if (word[part]) details.append(made_of("h2", part), text(made_of("div", "", "text"), word[part]));
  }
  return details;
}

const mine = () => shown && shown.words.find((word) => word.reviewer === about.reviewer);

function progress(told) {
  const by = Object.entries(told.by).map(([name, count]) => `${name} ${count.toLocaleString("en")}`).join(", ");
  at("progress").textContent = `${told.decided.toLocaleString("en")} of ${told.rows.toLocaleString("en")} decided` + (by ? ` (${by})` : "");
  const bar = document.querySelector(".bar");
  bar.setAttribute("aria-valuemax", told.rows);
  bar.setAttribute("aria-valuenow", told.decided);
  bar.firstElementChild.style.width = `${100 * told.decided / told.rows}%`;
}

function say(words, bad) {
  at("status").textContent = words;
  at("status").className = bad ? "bad" : "";
}
