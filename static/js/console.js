// Lists to choose from: what was chosen is kept while htmx puts other pages of the list in place.

const pickers = document.querySelectorAll("[data-picker]");

const boxes = (picker) => [...picker.querySelectorAll(`[name="${picker.dataset.picker}-ids"]`)];
const more = (picker) => picker.querySelector("[data-more]");
const split = (text) => text.split(",").filter(Boolean);

/** All ids chosen one by one, on this page of the list and on others. */
function chosen(picker) {
  const here = boxes(picker).filter((box) => box.checked);
  return new Set([...split(more(picker).value), ...here.map((box) => box.value)]);
}

/** Check what is chosen, keep the rest in the hidden field. */
function restore(picker, ids) {
  for (const box of boxes(picker)) {
    box.checked = ids.has(box.value);
    if (box.checked) ids.delete(box.value);
  }
  more(picker).value = [...ids].join(",");
  show(picker);
}

/** Say how many are chosen; with "all that match" single boxes have no say. */
function show(picker) {
  const all = picker.querySelector("[data-all]");
  const count = picker.querySelector("[data-count]");
  for (const box of boxes(picker)) box.disabled = Boolean(all?.checked);
  picker.classList.toggle("is-all", Boolean(all?.checked));
  const number = all?.checked ? Number(all.dataset.total) : chosen(picker).size;
  const words = all?.checked ? count.dataset.everything : number ? count.dataset.some : count.dataset.none;
  count.textContent = number ? `${words} ${number.toLocaleString(document.documentElement.lang)}` : words;
}

for (const picker of pickers) {
  let kept = new Set();
  picker.addEventListener("htmx:beforeSwap", () => { kept = chosen(picker); });
  picker.addEventListener("htmx:afterSwap", () => restore(picker, kept));
  picker.addEventListener("change", () => show(picker));
  show(picker);
}
