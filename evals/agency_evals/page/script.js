// Filters, keyboard and theme. Without it the page still shows everything.
"use strict";
(() => {
  const $ = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const cases = all(".case");
  const search = $("#search");
  const tag = $("#tag");
  const change = $("#change");

  const stored = () => { try { return localStorage.getItem("agency-theme"); } catch { return null; } };
  const keep = (theme) => { try { localStorage.setItem("agency-theme", theme); } catch { /* a page from file:// may not */ } };
  const dark = () => (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const turn = () => { const theme = dark() ? "light" : "dark"; document.documentElement.dataset.theme = theme; keep(theme); };
  if (stored()) document.documentElement.dataset.theme = stored();
  const asked = new URLSearchParams(location.search).get("theme");
  if (asked === "dark" || asked === "light") document.documentElement.dataset.theme = asked;

  const pressed = (button) => button.getAttribute("aria-pressed") === "true";
  const on = () => new Set(all(".toggle[data-outcome]").filter(pressed).map((button) => button.dataset.outcome));
  const unexpected = $("#unexpected");

  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const outcomes = on();
    let shown = 0;
    for (const each of cases) {
      const fits = outcomes.has(each.dataset.outcome)
        && (!pressed(unexpected) || each.classList.contains("bad"))
        && (!tag || !tag.value || each.dataset.tags.split(" ").includes(tag.value))
        && (!change || !change.value || each.dataset.change === change.value)
        && words.every((word) => each.dataset.words.includes(word));
      each.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    $("#shown").textContent = shown === cases.length ? `${shown} shown` : `${shown} of ${cases.length} shown`;
    $("#nothing").hidden = shown > 0;
  };

  const visible = () => cases.filter((each) => !each.hidden);
  const focus = (step) => {
    const list = visible();
    if (!list.length) return;
    const at = list.findIndex((each) => each.contains(document.activeElement));
    const next = at < 0 ? (step > 0 ? 0 : list.length - 1) : Math.min(Math.max(at + step, 0), list.length - 1);
    list[next].querySelector("summary").focus();
    list[next].scrollIntoView({ block: "nearest" });
  };
  const openAll = () => { const list = visible(); const open = list.some((each) => !each.open); for (const each of list) each.open = open; };
  const openNamed = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target || !target.classList.contains("case")) return;
    target.hidden = false;
    target.open = true;
    target.scrollIntoView();
    target.querySelector("summary").focus({ preventScroll: true });
  };

  for (const button of all(".toggle")) {
    button.addEventListener("click", () => { button.setAttribute("aria-pressed", String(!pressed(button))); apply(); });
  }
  for (const field of [search, tag, change]) field?.addEventListener("input", apply);
  $("#theme").addEventListener("click", turn);
  $("#all").addEventListener("click", openAll);
  $("#keys").addEventListener("click", () => $("#help").showModal());
  addEventListener("hashchange", openNamed);

  const keys = {
    "/": () => search.focus(),
    j: () => focus(1),
    k: () => focus(-1),
    o: () => { const open = document.activeElement?.closest(".case"); if (open) open.open = !open.open; },
    x: openAll,
    u: () => unexpected.click(),
    t: turn,
    "?": () => $("#help").showModal(),
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, select, textarea")) {
      if (event.key === "Escape") { search.value = ""; event.target.blur(); apply(); }
      return;
    }
    const act = keys[event.key];
    if (act && !$("#help").open) { event.preventDefault(); act(); }
  });

  const wanted = new URLSearchParams(location.search);
  if (wanted.get("q")) search.value = wanted.get("q");
  if (wanted.get("only") === "unexpected") unexpected.setAttribute("aria-pressed", "true");
  document.documentElement.classList.add("ready");
  apply();
  openNamed();
})();
