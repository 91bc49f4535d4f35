// Shows how far a running load is, every two seconds; when it has ended, the page is read again.
(function () {
  "use strict";
  const box = document.getElementById("feed-progress");
  if (!box || !box.querySelector("progress")) return;

  function look() {
    fetch(box.dataset.from)
      .then(function (answer) { return answer.ok ? answer.text() : Promise.reject(); })
      .then(function (text) {
        if (!text.trim()) { location.reload(); return; }
        box.innerHTML = text;
        setTimeout(look, 2000);
      })
      .catch(function () { setTimeout(look, 10000); });
  }
  setTimeout(look, 2000);
})();
