// Rejecting and editing.

const DECIDING = ["accept", "reject", "edit", "undo"];  // the buttons that wait until an edit is saved or discarded
let rejecting = null;  // the trace that the reviewer was asked about

function reject() {
  if (!shown) return;
  rejecting = shown.trace;
  at("note").value = "";
  for (const choice of document.getElementsByName("reason")) choice.checked = false;
  at("rejecting").showModal();
  at("reasons").querySelector("input").focus();
}

function rejected() {
  const reason = document.querySelector("[name=reason]:checked")?.value;
  const note = at("note").value.trim();
  if (!reason || reason === "other" && !note) {
    say(reason ? "Say in the note what is wrong with it." : "A rejection has a reason: press its digit.", true);
    (reason ? at("note") : at("reasons").querySelector("input")).focus();
    return;
  }
  at("rejecting").close();
  decide("reject", { reason, note }, rejecting);
}

function edit() {
  if (!shown) return;
  const own = mine();
  const from = own && own.decision === "edit" && own.current ? own : shown.trace;
  at("new-reasoning").value = from.reasoning || "";
  at("new-response").value = from.response || "";
  at("edit-note").value = "";
  // a field turns \r\n into \n: what is not changed is sent as it was
  editing = { trace: shown.trace, reasoning: from.reasoning, response: from.response, fields: fields() };
  at("said").hidden = true;
  at("editor").hidden = false;
  for (const name of DECIDING) at(name).disabled = true;
  for (const name of ["new-reasoning", "new-response"]) at(name).style.height = `${Math.min(at(name).scrollHeight + 8, innerHeight * .7)}px`;
  const first = at(shown.trace.reasoning ? "new-reasoning" : "new-response");
  first.setSelectionRange(0, 0);
  first.focus();
}

const fields = () => [at("new-reasoning").value, at("new-response").value];
const changed = () => editing && fields().some((value, place) => value !== editing.fields[place]);

function edited() {
  const [reasoning, response] = fields();
  if (!changed()) return say("Nothing is changed: esc leaves the text as it is.", true);
  if (!response.trim()) return say("An edit keeps a response; reject the trace where it has none.", true);
  const more = {
    reasoning: reasoning === editing.fields[0] ? editing.reasoning : reasoning,
    response: response === editing.fields[1] ? editing.response : response,
    note: at("edit-note").value.trim(),
  };
  const { trace } = editing;
  stop_editing();
  decide("edit", more, trace);
}

function stop_editing() {
  if (at("editor").contains(document.activeElement)) at("trace").focus({ preventScroll: true });
  editing = null;
  for (const name of DECIDING) at(name).disabled = false;
  at("editor").hidden = true;
  at("said").hidden = false;
}

let then = null;

// What would leave an edit asks first, where something was changed.
function leave(next) {
  if (!changed()) {
    stop_editing();
    return next && next();
  }
  then = next;
  at("losing").showModal();
}

at("losing").addEventListener("close", () => {
  if (at("losing").returnValue === "discard") {
    stop_editing();
    if (then) then();
  } else {
    at("new-response").focus();
  }
  at("losing").returnValue = "";
  then = null;
});
