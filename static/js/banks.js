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
