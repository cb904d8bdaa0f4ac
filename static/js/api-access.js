// API access: tabs of the first calls, and countdowns. Without this script every example stands open, one after the other.

/** [data-tabs]: one panel at a time; arrow keys, Home and End move between the tabs. */
function makeTabs(root) {
  const list = root.querySelector("[role=tablist]");
  const tabs = [...list.querySelectorAll("[role=tab]")];
  const panels = tabs.map((tab) => document.getElementById(tab.getAttribute("aria-controls")));
  const choose = (chosen) => {
    tabs.forEach((tab, place) => {
      tab.setAttribute("aria-selected", tab === chosen);
      tab.tabIndex = tab === chosen ? 0 : -1;
      panels[place].hidden = tab !== chosen;
    });
  };
  panels.forEach((panel) => {
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", panel.dataset.tab);
    panel.querySelector("h3").classList.add("visually-hidden");
  });
  list.hidden = false;
  choose(tabs[0]);
  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) choose(tab);
  });
  list.addEventListener("keydown", (event) => {
    const here = tabs.indexOf(event.target);
    const moves = {ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: tabs.length - 1};
    if (here < 0 || !(event.key in moves)) return;
    event.preventDefault();
    const next = tabs[(moves[event.key] + tabs.length) % tabs.length];
    choose(next);
    next.focus();
  });
}

document.querySelectorAll("[data-tabs]").forEach(makeTabs);

const DAY = 24 * 3600;
const two = (number) => String(number).padStart(2, "0");

/** [data-countdown="moment"]: what is left as "in 23:59:07", once it is less than a day; the server's words before. */
function count(element) {
  const left = Math.round((Date.parse(element.dataset.countdown) - Date.now()) / 1000);
  if (left > DAY) return;
  const time = element.querySelector("time");
  if (left <= 0) time.textContent = element.dataset.ended;
  else time.textContent = `${element.dataset.in} ${two(Math.floor(left / 3600))}:${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
}

const countdowns = [...document.querySelectorAll("[data-countdown]")];
if (countdowns.length) {
  const tick = () => countdowns.forEach(count);
  tick();
  setInterval(tick, 1000);
}

// Ticking a plant means that the client is limited to some.
document.addEventListener("change", (event) => {
  if (event.target.name === "plant_ids" && event.target.checked) {
    document.querySelector("input[name=scope][value=some]").checked = true;
  }
});
