// The channel table: only rows that hold every word typed stay. Without scripts there is no field, and the table is whole.

const field = document.getElementById("filter-text");
const rows = [...document.querySelectorAll(".channel-table tbody tr")].map((row) => [row, row.textContent.toLowerCase()]);

function filter() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const [row, text] of rows) {
    row.hidden = !words.every((word) => text.includes(word));
    shown += !row.hidden;
  }
  document.getElementById("filter-count").textContent = shown;
  document.getElementById("filter-empty").hidden = shown > 0;
  document.querySelector(".table-wrap").hidden = shown === 0;
}

document.getElementById("filter").hidden = false;
field.addEventListener("input", filter);
filter();
