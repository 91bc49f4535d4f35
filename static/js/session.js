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
