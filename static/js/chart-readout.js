// What stands beside the crosshair: the exact local time with its offset, and every value there.

import {fixed, scaleFor} from "./units.js";

const MARGIN = 14; // pixels between crosshair and box

export class Readout {
  #box = document.createElement("div"); #host; #words;

  constructor(host, words) {
    this.#host = host;
    this.#words = words;
    this.#box.className = "chart-readout";
    this.#box.hidden = true;
    this.#box.setAttribute("aria-hidden", "true"); // the table says the same to those who cannot point
    host.append(this.#box);
    host.addEventListener("pointerleave", () => this.hide());
  }

  hide() {
    this.#box.hidden = true;
  }

  /** The values under the crosshair; nothing where it is outside, or ahead of now. */
  show(plot, drawing, colourOf, hidden) {
    const {idx, left} = plot.cursor;
    if (idx == null || left < 0 || idx >= drawing.elapsed) return this.hide();
    this.#box.replaceChildren(line("chart-readout-time", timeOf(drawing, idx)));
    drawing.series.forEach((one, series) => {
      if (!hidden.has(series)) this.#box.append(...this.#rows(one, idx, colourOf(series), drawing));
    });
    this.#box.hidden = false;
    this.#place(plot, left);
  }

  #rows(one, at, colour, drawing) {
    const rows = [this.#row(one.label, this.#value(one, one.values[at]), colour)];
    if (one.compared) rows.push(this.#row(drawing.compared, this.#value(one, one.compared[at]), null));
    return rows;
  }

  #row(label, value, colour) {
    const row = line(colour ? "chart-readout-row" : "chart-readout-row is-compared", "");
    const swatch = line("swatch", "", "span");
    if (colour) swatch.style.backgroundColor = colour;
    row.append(swatch, line("", label, "span"), line("chart-readout-value", value, "strong"));
    return row;
  }

  #value(one, value) {
    if (value == null) return this.#words.noData;
    const scale = scaleFor(value, one.unit);
    return `${fixed(value / scale.factor, scale.factor > 1 ? 2 : one.decimals)} ${scale.unit}`;
  }

  /** On the side of the crosshair with more room. */
  #place(plot, left) {
    const x = left + plot.over.offsetLeft;
    const width = this.#box.offsetWidth;
    const right = x + MARGIN + width < this.#host.clientWidth;
    this.#box.style.left = `${Math.max(0, right ? x + MARGIN : x - MARGIN - width)}px`;
    this.#box.style.top = `${plot.over.offsetTop + 8}px`;
  }
}

/** 14:05 (+02:00) of a day, otherwise the name of the day, month or year. */
function timeOf(drawing, at) {
  const local = drawing.local[at];
  return drawing.kind === "day" ? `${local.slice(11, 16)} (${local.slice(19)})` : drawing.points[at];
}

function line(css, text, name = "div") {
  const made = document.createElement(name);
  made.className = css;
  made.textContent = text;
  return made;
}
