// Shows what the customer will read as soon as a decision and its reasons are chosen. Without it, a button does.
(function () {
  "use strict";
  const form = document.querySelector("form[data-letter]");
  if (!form) return;
  const place = document.querySelector(form.dataset.letter);
  const button = form.querySelector("button[name=preview]");
  let asked = 0;
  let timer = 0;

  function show() {
    if (!form.querySelector("[name=act]:checked")) return;
    const mine = ++asked;
    fetch(location.href, { method: "POST", body: new FormData(form), headers: { "X-Part": "letter" } })
      .then(function (answer) { return answer.ok && !answer.redirected ? answer.text() : Promise.reject(answer); })
      .then(function (html) { if (mine === asked) place.innerHTML = html; })
      .catch(function () { if (mine === asked) button.hidden = false; });
  }

  button.hidden = true;
  form.addEventListener("change", function (event) {
    if (event.target.name === "words") return;
    place.querySelectorAll("[name=seen], [name=send]").forEach(function (one) { one.remove(); });
    clearTimeout(timer);
    timer = setTimeout(show, 150);
  });
})();
