// Pages with scripts do more: open the part that an address names, copy, print, search, read aloud.
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
