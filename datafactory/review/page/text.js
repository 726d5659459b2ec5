// A text in its pieces, as the server told them, or as it is written: code apart, mathematics drawn, and what cannot be
// seen made visible.
function text(element, content, pieces) {
  element.replaceChildren();
  if (!pieces && (content || "").length < CHUNK) {
    element.append(...visible(content || ""));
    return element;
  }
  let part = null, room = 0;
  const put = (nodes, length) => {
    if (room <= 0) {
      element.append(part = document.createElement("div"));
      room = CHUNK;
    }
    part.append(...nodes);
    room -= length;
  };
  for (const piece of pieces && !plain ? pieces : [content]) {
    if (piece.code !== undefined) {
      const code = document.createElement("code");
      code.append(...visible(piece.code.replace(/\n$/, "")));
      put([code], piece.code.length);
    } else if (piece.source !== undefined) {
      put([formula(piece)], piece.source.length);
    } else {
      for (let start = 0; start < piece.length;) {
        let end = Math.min(piece.length, start + Math.max(room, 1) + 200);
        const line = piece.lastIndexOf("\n", end - 1) + 1;
        if (end < piece.length && line > start) end = line;
        else if (end < piece.length && /[\ud800-\udbff]/.test(piece[end - 1])) end += 1;  // not between two halves
        put(visible(piece.slice(start, end)), end - start);
        start = end;
      }
    }
  }
  return element;
}

// The MathML that the server made, which is nothing but MathML; else the LaTeX as it was written.
function formula(piece) {
  const math = piece.math && new DOMParser().parseFromString(piece.math, "text/html").body.firstElementChild;
  const whole = math ? [math, ...math.querySelectorAll("*")] : [];
  const sound = whole.length && whole.every((each) => each.namespaceURI === "http://www.w3.org/1998/Math/MathML"
    && [...each.attributes].every((attribute) => !/^on|href|src|style|actiontype/i.test(attribute.name)));
  const place = document.createElement("span");
  place.className = sound ? `math ${math.getAttribute("display") === "block" ? "display" : ""}`.trim() : "latex";
  place.append(...(sound ? [document.importNode(math, true)] : visible(piece.source)));
  if (sound) place.title = piece.source;
  return place;
}

function visible(content) {
  const parts = [];
  let start = 0;
  for (const found of content.matchAll(UNSEEN)) {
    if (found[0] === "\r" && content[found.index + 1] === "\n") continue;
    parts.push(content.slice(start, found.index));
    const mark = made_of("span", `U+${found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`, "hidden-mark");
    mark.title = "a character that is not seen";
    parts.push(mark);
    start = found.index + found[0].length;
  }
  parts.push(content.slice(start));
  return parts;
}

function made_of(name, content, kind) {
  const element = document.createElement(name);
  element.textContent = content;
  if (kind) element.className = kind.trim();
  return element;
}
