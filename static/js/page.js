// Pages with scripts do more: open the part that an address names, copy, print, search, read aloud; warn before a session ends;
// search in the list of banks. One file, because a telephone waits for each request.
(function () {
  "use strict";
  const language = document.documentElement.lang || "ko";

  // A link to a folded part opens it.
  function openTarget() {
    const target = document.getElementById(location.hash.slice(1));
    if (!target || target.tagName !== "DETAILS") return;
    target.open = true;
    target.scrollIntoView();
  }
  addEventListener("hashchange", openTarget);
  openTarget();

  document.querySelectorAll("[data-print]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () { print(); });
  });

  if (navigator.clipboard) {
    document.querySelectorAll("[data-copy]").forEach(function (button) {
      const said = document.createElement("span");
      said.setAttribute("role", "status");
      button.after(said);
      button.hidden = false;
      button.addEventListener("click", function () {
        navigator.clipboard.writeText(button.dataset.copy).then(function () {
          said.textContent = " " + button.dataset.done;
        });
      });
    });
  }

  // Search in the questions of a page: every word must stand in question or answer.
  const search = document.querySelector("[data-filter]");
  if (search) {
    const field = search.querySelector("input");
    const said = search.querySelector("[role=status]");
    const parts = Array.from(document.querySelectorAll(".questions details"));
    const filter = function () {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      parts.forEach(function (part) {
        const text = part.textContent.toLowerCase();
        part.hidden = !words.every(function (word) { return text.includes(word); });
        if (!part.hidden) count += 1;
      });
      document.querySelectorAll(".questions section").forEach(function (section) {
        section.hidden = !section.querySelector("details:not([hidden])");
      });
      said.textContent = words.length ? (count ? `${search.dataset.found} ${count}` : search.dataset.none) : "";
    };
    search.hidden = false;
    field.addEventListener("input", filter);
    search.addEventListener("submit", function (event) { event.preventDefault(); filter(); });
    filter();
  }

  // Only a voice that is on the device itself: what is read aloud leaves it nowhere.
  const buttons = Array.from(document.querySelectorAll("[data-speak]"));
  if (buttons.length && window.speechSynthesis) {
    let speaking = null;
    const voice = function () {
      return speechSynthesis.getVoices().find(function (one) {
        return one.localService && one.lang.toLowerCase().startsWith(language.slice(0, 2));
      });
    };
    const show = function () { buttons.forEach(function (button) { button.hidden = !voice(); }); };
    const stop = function () {
      speechSynthesis.cancel();
      if (speaking) speaking.setAttribute("aria-pressed", "false");
      speaking = null;
    };
    speechSynthesis.addEventListener("voiceschanged", show);
    show();
    buttons.forEach(function (button) {
      button.addEventListener("click", function () {
        const again = speaking === button;
        stop();
        if (again) return;
        const words = new SpeechSynthesisUtterance(document.getElementById(button.dataset.speak).textContent.trim());
        words.voice = voice();
        words.lang = words.voice.lang;
        words.addEventListener("end", stop);
        speaking = button;
        button.setAttribute("aria-pressed", "true");
        speechSynthesis.speak(words);
      });
    });
    addEventListener("pagehide", stop);
  }
})();

// Warns before a session ends by itself and lets the reader go on without losing what is typed on the page.
(function () {
  "use strict";
  const box = document.getElementById("session-end");
  if (!box) return;
  const form = box.querySelector("form");
  let timers = [];

  function begin() {
    timers.forEach(clearTimeout);
    box.hidden = true;
    timers = [
      setTimeout(function () {
        box.hidden = false;
        box.focus();
        box.scrollIntoView({ block: "center" });
      }, Number(box.dataset.warnAfter) * 1000),
      // The page is read again: it then belongs to nobody, and shows nothing of anybody.
      setTimeout(function () { location.replace(location.href.split("#")[0]); }, Number(box.dataset.endsAfter) * 1000 + 61000),
    ];
  }

  form.addEventListener("submit", function (event) {
    event.preventDefault();
    fetch(form.action, { method: "POST", body: new FormData(form), headers: { "X-Stay": "1" } })
      .then(function (answer) { if (answer.ok) { begin(); } else { form.submit(); } })
      .catch(function () { form.submit(); });
  });
  begin();
})();

// A search field over a list of banks: by name, short name or code. The list stays and is what the form sends.
(function () {
  "use strict";
  const select = document.querySelector("select[data-search-hint]");
  if (!select || !window.accessibleAutocomplete) return;
  const said = select.dataset;
  const key = (words) => words.normalize("NFKC").toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
  // Names that begin with what was typed come first, then other words that do, then those that hold it.
  const rank = function (bank, typed) {
    const words = bank.dataset.words.split(" ");
    if (words[0].startsWith(typed)) return 0;
    if (words.some((word) => word.startsWith(typed))) return 1;
    return words.some((word) => word.includes(typed)) ? 2 : 3;
  };
  const banks = Array.from(select.options).filter((bank) => bank.value);
  const found = function (words) {
    const typed = key(words);
    return banks
      .filter((bank) => rank(bank, typed) < 3)
      .sort((one, other) => rank(one, typed) - rank(other, typed))
      .map((bank) => bank.text);
  };
  const choose = function (name) {
    const bank = banks.find((one) => one.text === name);
    if (bank) select.value = bank.value;
  };
  const described = (select.getAttribute("aria-describedby") || "").split(" ").map((id) => document.getElementById(id));
  const hint = [...described.filter(Boolean).map((one) => one.textContent.trim()), said.searchHint].join(" ");

  accessibleAutocomplete.enhanceSelectElement({
    selectElement: select,
    source: (words, show) => show(found(words)),
    defaultValue: select.value ? select.selectedOptions[0].text : "",
    autoselect: false,
    showAllValues: true,
    displayMenu: "overlay",
    dropdownArrow: () => "",
    inputClasses: select.className,
    menuAttributes: { "aria-labelledby": null, "aria-label": select.labels[0].textContent.trim() },
    onConfirm: choose,
    tAssistiveHint: () => hint,
    tNoResults: () => said.searchNone,
    tStatusNoResults: () => said.searchNone,
    tStatusResults: (count) => said.searchFound.replace("{count}", count),
    tStatusSelectedOption: (name, count, place) =>
      said.searchPlace.replace("{name}", name).replace("{count}", count).replace("{place}", place + 1),
  });

  const field = document.getElementById(select.id.replace(/-select$/, ""));
  if (select.getAttribute("aria-invalid")) field.setAttribute("aria-invalid", "true");
  // One bank is left: Enter takes it without the arrow.
  field.addEventListener("keydown", function (event) {
    const shown = document.querySelectorAll(`#${field.id}__listbox [aria-posinset]`);
    if (event.key !== "Enter" || event.isComposing || field.getAttribute("aria-expanded") !== "true") return;
    if (shown.length === 1) shown[0].click();
  });
  // What stands in the field counts: a changed text leaves no bank chosen, unless it means one only.
  field.form.addEventListener("submit", function () {
    const names = found(field.value);
    select.value = "";
    choose(names.includes(field.value) ? field.value : key(field.value) && names.length === 1 ? names[0] : "");
  });
})();
