// Offers values for a text field while one types: the address in data-suggest answers with {"values": [...]}.
"use strict";

for (const input of document.querySelectorAll("input[data-suggest]")) {
  const list = document.createElement("datalist");
  list.id = `${input.id}_suggested`;
  input.after(list);
  input.setAttribute("list", list.id);
  let waiting = 0;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const words = input.value.trim();
      if (!words || words.includes(" · ")) return;
      const address = `${input.dataset.suggest}?q=${encodeURIComponent(words)}`;
      const answer = await fetch(address, { headers: { Accept: "application/json" } });
      if (!answer.ok || input.value.trim() !== words) return;
      const { values } = await answer.json();
      list.replaceChildren(...values.map((value) => new Option(value, value)));
    }, 200);
  });
}
