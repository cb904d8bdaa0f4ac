// The page of a plant's data: steps without a new page, history, keys, the legend. Every link and form here works without
// this script; it asks for the same address as JSON and puts the drawing and the changed pieces of the page in place.

import {PlantChart} from "./chart.js";

const SHOW_LOADING_AFTER = 200; // milliseconds: faster answers need no word

const root = document.getElementById("plant-data");
const find = (name) => root.querySelector(`[data-${name}]`);
const stage = find("stage");
const host = find("chart");

let drawing = JSON.parse(document.getElementById("drawing").textContent);
let asking = null;
let refused = null;

const chart = new PlantChart(host, {
  words: document.getElementById("chart-words").dataset,
  open: (query) => go(query),
  zoomed: (isZoomed) => { find("unzoom").hidden = !isZoomed; },
});

// --- Steps -------------------------------------------------------------------------------------------------------

/** Load what a query shows; `push` makes it a page one can come back to. */
async function go(query, {push = true} = {}) {
  asking?.abort();
  const mine = (asking = new AbortController());
  const slow = setTimeout(() => { find("loading").hidden = false; }, SHOW_LOADING_AFTER);
  stage.setAttribute("aria-busy", "true");
  try {
    const answer = await ask(query, mine.signal);
    if (answer) show(answer, push);
  } catch (error) {
    if (error.name !== "AbortError") fail(query, error);
  } finally {
    clearTimeout(slow);
    if (mine === asking) {
      find("loading").hidden = true;
      stage.removeAttribute("aria-busy");
    }
  }
}

/** The answer, or nothing where the server wants a log-in first: then the page itself is opened, which leads there. */
async function ask(query, signal) {
  const response = await fetch(root.dataset.source + query, {signal, headers: {Accept: "application/json"}});
  if (response.redirected) {
    location.assign(query);
    return null;
  }
  if (!response.ok) throw Object.assign(new Error(response.statusText), {id: response.headers.get("X-Request-ID")});
  return response.json();
}

function show(answer, push) {
  drawing = answer;
  if (push) history.pushState(null, "", answer.query);
  document.title = answer.pageTitle;
  keepingFocus(() => {
    for (const [name, html] of Object.entries(answer.parts)) root.querySelector(`[data-part="${name}"]`).innerHTML = html;
  });
  find("error").hidden = true;
  find("status").textContent = answer.title;
  draw();
}

function fail(query, error) {
  refused = query;
  const id = find("error-id");
  id.textContent = error.id ? `${id.dataset.words} ${error.id}` : "";
  find("error").hidden = false;
}

/** What had the focus is replaced; its successor, or the menu it was in, gets the focus. */
function keepingFocus(change) {
  const before = document.activeElement;
  const menu = before?.closest?.("details[id]");
  change();
  if (before?.isConnected) return;
  const after = menu ? document.getElementById(menu.id)?.querySelector("summary") : document.getElementById(before?.id);
  (after ?? host).focus({preventScroll: true});
}

/** The query of a form: names that occur more than once are joined by commas, empty ones are left out. */
function queryOf(form) {
  const values = new Map();
  for (const [name, value] of new FormData(form)) {
    if (value) values.set(name, values.has(name) ? `${values.get(name)},${value}` : value);
  }
  return `?${new URLSearchParams([...values])}`;
}

root.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-load]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  go(link.getAttribute("href"));
});

root.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-load]")) return;
  event.preventDefault();
  go(queryOf(event.target));
});

root.addEventListener("change", (event) => {
  if (event.target.matches("[data-goto]") && event.target.value && event.target.checkValidity()) go(queryOf(event.target.form));
});

addEventListener("popstate", () => go(location.search, {push: false}));
find("retry").addEventListener("click", () => go(refused));

// --- Keys --------------------------------------------------------------------------------------------------------

const KEYS = {ArrowLeft: "previous", ArrowRight: "next", ArrowUp: "up", ArrowDown: "down", t: "today", T: "today"};

host.addEventListener("keydown", (event) => {
  const way = KEYS[event.key];
  if (!way || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  if (drawing.links[way]) go(drawing.links[way]);
});

// --- The drawing -------------------------------------------------------------------------------------------------

function draw() {
  chart.show(drawing);
  for (const button of root.querySelectorAll("[data-series]")) {
    chart.paintSwatch(button.querySelector("[data-swatch]"), Number(button.dataset.series));
  }
}

root.addEventListener("click", (event) => {
  const button = event.target.closest("[data-series]");
  if (!button) return;
  const visible = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(visible));
  chart.toggle(Number(button.dataset.series), visible);
});

find("unzoom").addEventListener("click", () => {
  chart.unzoom();
  host.focus({preventScroll: true});
});

// Colours are read from the style sheet, so a change of theme is a new drawing; paper is always light.
new MutationObserver(draw).observe(document.documentElement, {attributeFilter: ["data-bs-theme"]});
let themeOnScreen;
addEventListener("beforeprint", () => {
  themeOnScreen = document.documentElement.dataset.bsTheme;
  document.documentElement.dataset.bsTheme = "light";
  draw();
});
addEventListener("afterprint", () => { document.documentElement.dataset.bsTheme = themeOnScreen; });

draw();
