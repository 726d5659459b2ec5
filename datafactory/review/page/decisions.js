// Decisions: kept in this browser until the server says that they are on the disk

const KEPT = () => `datafactory review ${about.reviewer} ${about.decisions}`;

function keep() {
  try {
    if (waiting.length) localStorage.setItem(KEPT(), JSON.stringify(waiting));
    else localStorage.removeItem(KEPT());
  } catch { /* a browser that keeps nothing still has them in memory */ }
}

// About the trace that was on the page when the reviewer began to decide.
function decide(decision, more, trace = shown && shown.trace) {
  if (!trace || waiting.some((said) => said.trace_id === trace.id && said.decision === decision)) return;
  const { id, seen } = trace;
  waiting.push({ id: crypto.randomUUID(), trace_id: id, seen, decision, ...more });
  keep();
  say("Saving …");
  send();
}

async function send() {
  if (sending) return;
  sending = true;
  while (waiting.length) {
    const said = waiting[0];
    try {
      const told = await ask("/api/decisions", said);
      waiting.shift();
      keep();
      trouble("");
      await saved(said, told);
    } catch (error) {
      if (error.status === 400) {  // it will not be taken later, either
        waiting.shift();
        keep();
        try { localStorage.setItem(`${KEPT()} refused ${said.id}`, JSON.stringify(said)); } catch { /* as above */ }
        say(`Not saved: ${error.message}`, true);
        continue;
      }
      const count = waiting.length === 1 ? "A decision is" : `${waiting.length} decisions are`;
      const why = error.status === 403 ? "this page is of an earlier start; open the address that was printed last" : gone(error);
      trouble(`${count} not saved: ${why} Kept in this browser, and tried again.`);
      say("Not saved yet.", true);
      setTimeout(send, RETRY);
      break;
    }
  }
  sending = false;
}

async function saved(said, told) {
  progress(told.progress);
  const word = { accept: "accepted", reject: `rejected, ${said.reason}`, edit: "edited", withdraw: "taken back" }[said.decision];
  // what the reviewer has begun meanwhile stays on the page
  const here = shown && shown.trace.id === said.trace_id && !editing && !document.querySelector("dialog[open]");
  made = made.filter((id) => id !== said.trace_id);
  if (said.decision === "withdraw") {
    if (here) await show(`/api/trace?at=${shown.at}`);
  } else {
    made.push(said.trace_id);
    if (here && !await show(`/api/trace?at=${shown.at}&step=1&only=${at("only").value}`)) await show(`/api/trace?at=${shown.at}`);
  }
  say(`Saved: ${said.trace_id} ${word}`);
}

function trouble(words) {
  at("trouble").textContent = words;
  at("trouble").hidden = !words;
}

async function undo() {
  if (!mine() && made.length) {
    const { at: place } = await ask(`/api/find?id=${encodeURIComponent(made.at(-1))}`);
    if (place === null || !await show(`/api/trace?at=${place}`)) return;
  }
  if (mine()) decide("withdraw");
  else say("There is nothing to undo.");
}
