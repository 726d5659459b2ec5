"use strict";
// Every text of a trace is other people's: it enters the page through textContent alone.

const at = (id) => document.getElementById(id);
const token = new URLSearchParams(location.search).get("token") || "";
const RETRY = 2000;  // milliseconds until a decision that was not saved is sent again
const CHUNK = 20000;  // characters that are laid out together; what is not on the screen is not laid out
// what the eye does not see, or what turns the order of what it sees: controls, zero widths, directions, tags
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]|\u{e0001}|[\u{e0020}-\u{e007f}]/gu;

let about = null;  // of the whole: dataset, reviewer, reasons
let shown = null;  // the trace on the page, as the server told it
let editing = null;  // what the fields held when the edit began
let plain = false;  // whether mathematics is shown as it is written
let made = [];  // ids of the traces that I decided about here, the latest last
let waiting = [];  // decisions that are not saved yet, the first to be sent first
let sending = false;
let turn = 0;  // of the last trace asked for: an answer that comes late is not shown

async function ask(path, body) {
  const asked = { headers: { "X-Token": token }, cache: "no-store" };
  if (body !== undefined) {
    asked.method = "POST";
    asked.headers["Content-Type"] = "application/json";
    asked.body = JSON.stringify(body);
  }
  const answer = await fetch(path, asked);
  const told = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(told.error), { status: answer.status });
  return told;
}
