// Keys of frequent acts: an element with data-key="KeyN" is pressed by that key. Keys are read by their place on the
// keyboard (event.code), so that they work while Hangul is typed; never inside fields; the reader can switch them off.
(function () {
  "use strict";
  const box = document.getElementById("keys");
  const store = "keys-off";
  let off = false;
  try { off = localStorage.getItem(store) === "1"; } catch (error) { /* a browser that keeps nothing */ }

  function shown(element) {
    return element.getClientRects().length > 0;
  }

  function typing(target) {
    return target.closest("textarea, select, [contenteditable], input:not([type=radio]):not([type=checkbox])");
  }

  function press(element) {
    if (element.tagName === "SUMMARY") {
      const details = element.parentElement;
      details.open = !details.open;
      const field = details.open && details.querySelector("input:not([type=hidden]), textarea");
      if (field) field.focus();
      return;
    }
    element.focus();
    element.click();
  }

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || typing(event.target)) return;
    if (event.code === "Slash" && event.shiftKey && box) {
      box.open = !box.open;
      if (box.open) box.querySelector("summary").focus();
      event.preventDefault();
      return;
    }
    if (off || event.repeat) return;
    if (event.code === "Enter" && event.target.closest("a, button, summary")) return;
    const found = Array.from(document.querySelectorAll('[data-key="' + event.code + '"]')).find(shown);
    if (!found) return;
    event.preventDefault();
    press(found);
  });

  if (!box) return;
  box.hidden = false;
  const list = box.querySelector("dl");

  // The keys that work now: those of reasons change with the decision.
  function fill() {
    const seen = new Set();
    list.replaceChildren();
    document.querySelectorAll("[data-key]").forEach(function (element) {
      const code = element.dataset.key;
      if (seen.has(code) || !shown(element)) return;
      seen.add(code);
      const holder = element.closest("label") || element;
      const term = document.createElement("dt");
      const words = document.createElement("dd");
      const key = document.createElement("kbd");
      key.textContent = code === "Slash" ? "/" : code.replace(/^(Key|Digit)/, "");
      term.append(key);
      const named = holder.cloneNode(true);
      named.querySelectorAll("kbd").forEach(function (part) { part.remove(); });
      named.querySelectorAll("*").forEach(function (part) { part.append(" "); });
      words.textContent = named.textContent.replace(/\s+/g, " ").trim();
      list.append(term, words);
    });
  }

  fill();
  box.addEventListener("toggle", fill);
  document.addEventListener("change", fill);
  const use = document.getElementById("keys-on");
  use.checked = !off;
  use.addEventListener("change", function () {
    off = !use.checked;
    try { localStorage.setItem(store, off ? "1" : ""); } catch (error) { /* as above */ }
  });
})();
