/* A box that filters the rows of a page's listings by words, and keeps them in the address (?find=...). */
(() => {
  const FEWEST = 40; // below this a page needs no filter
  const rows = [...document.querySelectorAll(".exo-listing tbody tr")];
  if (rows.length < FEWEST) return;
  const texts = rows.map((row) => `${row.textContent} ${row.dataset.source ?? ""}`.toLowerCase());
  const tables = [...document.querySelectorAll(".exo-listing")];

  const form = document.createElement("form");
  form.className = "exo-filter";
  form.role = "search";
  form.innerHTML =
    '<label for="exo-find">Filter the rows</label> <input type="search" id="exo-find" autocomplete="off" ' +
    'placeholder="words, all of which a row must hold"> <output role="status"></output>';
  const box = form.querySelector("input");
  const status = form.querySelector("output");

  function show() {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, i) => {
      row.hidden = !words.every((word) => texts[i].includes(word));
      shown += !row.hidden;
    });
    for (const table of tables) {
      const left = table.querySelectorAll("tbody tr:not([hidden])").length;
      table.hidden = !left;
      table.caption.dataset.left = words.length ? ` (${left} shown)` : "";
      const section = table.closest("section");
      if (section?.querySelectorAll(".exo-listing").length === 1 && !section.querySelector("h1")) section.hidden = !left;
    }
    status.textContent = words.length ? `${shown} of ${rows.length.toLocaleString("en")} rows` : "";
    const address = new URL(location.href);
    if (words.length) address.searchParams.set("find", words.join(" "));
    else address.searchParams.delete("find");
    if (address.href !== location.href) history.replaceState(null, "", address);
  }

  /* A link to a row, or to a part of the page, wins over a filter that hides it. */
  function goto() {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (!target) return;
    if (target.closest("[hidden]")) {
      box.value = "";
      show();
    }
    target.scrollIntoView();
  }

  // Before the first part with a listing, so that it is found before the rows, and stays when the part is hidden.
  const part = tables[0].closest("section");
  (!part || part.querySelector("h1") ? tables[0] : part).before(form);
  form.addEventListener("submit", (event) => event.preventDefault());
  box.addEventListener("input", show);
  addEventListener("hashchange", goto);
  box.value = new URLSearchParams(location.search).get("find") ?? "";
  if (box.value) show();
  goto();
})();
