// A desk session: warns before it ends, is renewed by work, and keeps what is typed as a draft.
(function () {
  "use strict";
  const box = document.getElementById("desk-end");
  if (!box) return;
  const stay = box.querySelector("form");
  const draft = document.querySelector("form[data-draft]");
  let timers = [];
  let typed = false;

  function begin(endsAfter) {
    timers.forEach(clearTimeout);
    box.hidden = true;
    const warn = Math.max(0, endsAfter - Number(box.dataset.warnBefore));
    timers = [
      setTimeout(function () { if (typed) { renew(); } else { box.hidden = false; } }, warn * 1000),
      // The page is read again: it then shows nothing of the customer.
      setTimeout(function () { location.reload(); }, (endsAfter + 1) * 1000),
    ];
  }

  function renew() {
    const body = new FormData(draft || stay);
    return fetch(stay.action, { method: "POST", body: body, headers: { "X-Stay": "1" } })
      .then(function (answer) { return answer.ok ? answer.json() : Promise.reject(); })
      .then(function (answer) { typed = false; begin(answer.ends_after); });
  }

  stay.addEventListener("submit", function (event) {
    event.preventDefault();
    renew().catch(function () { stay.submit(); });
  });
  if (draft) {
    let pause;
    draft.addEventListener("input", function () {
      typed = true;
      clearTimeout(pause);
      pause = setTimeout(function () { renew().catch(function () {}); }, 5000);
    });
  }
  begin(Number(box.dataset.endsAfter));

  const print = document.querySelector("[data-print]");
  if (print) { print.hidden = false; print.addEventListener("click", function () { window.print(); }); }
})();
