// A plant's chart, drawn by uPlot from the JSON of apps/web/plant/drawing.py.
//
// A day is drawn over absolute time: x are Unix seconds, so an hour that occurs twice is drawn twice and one that is
// skipped takes no room. Longer periods are drawn over the number of the day, month or year.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import {colourOf, shadeOf, dashOf, fade} from "./chart-colours.js";
import {bands, nowLine, clockChange, changeOf} from "./chart-marks.js";
import {Readout} from "./chart-readout.js";
import {timeSplits, timeLabels, valueAxis, rangeOf} from "./chart-axes.js";

const SLOT = 300; // seconds
const CLICK = 5; // pixels: a pointer that moved further was dragging
const MAIN = new Set(["W", "Wh"]);
const BARS = new Set(["Wh", "Wh/m2"]);

export class PlantChart {
  #host; #words; #open; #zoomed; #plot = null; #drawing = null; #readout; #hidden = new Set();

  /** `open(query)` is called when a bar is chosen, `zoomed(yes)` when the view changes. */
  constructor(host, {words, open, zoomed}) {
    this.#host = host;
    this.#words = words;
    this.#open = open;
    this.#zoomed = zoomed;
    this.#readout = new Readout(host, words);
    new ResizeObserver(() => this.#resize()).observe(host);
  }

  show(drawing) {
    this.#hidden.clear();
    this.#drawing = drawing;
    this.#plot?.destroy();
    this.#zoomed(false);
    this.#readout.hide();
    this.#plot = new uPlot(this.#options(), this.#data(), this.#host);
    this.#listen();
  }

  toggle(series, visible) {
    this.#hidden[visible ? "delete" : "add"](series);
    for (const [at, line] of this.#lines().entries()) {
      if (line.series === series) this.#plot.setSeries(at + 1, {show: visible});
    }
    this.#plot.redraw(true); // bars share their place with those still visible
  }

  unzoom() {
    const [min, max] = this.#extent();
    this.#plot.setScale("x", {min, max});
  }

  paintSwatch(swatch, series) {
    swatch.style.backgroundColor = this.#colour(series);
  }

  // --- What is drawn ---

  get #isDay() {
    return this.#drawing.kind === "day";
  }

  /** Every drawn line: what it is compared with first, so that it lies below. */
  #lines() {
    const lines = [];
    this.#drawing.series.forEach((one, series) => {
      if (one.compared) lines.push({series, values: one.compared, compared: true});
    });
    this.#drawing.series.forEach((one, series) => lines.push({series, values: one.values, compared: false}));
    return lines;
  }

  #data() {
    const x = this.#isDay ? this.#drawing.x : this.#drawing.x.map((_, at) => at);
    return [x, ...this.#lines().map((line) => line.values)];
  }

  #extent() {
    const {x} = this.#drawing;
    return this.#isDay ? [x[0], x.at(-1) + SLOT] : [-0.5, x.length - 0.5];
  }

  /** Units in the order of their first series, power and energy first: the first two get an axis. */
  #units() {
    const units = [...new Set(this.#drawing.series.map((one) => one.unit))];
    return [...units.filter((unit) => MAIN.has(unit)), ...units.filter((unit) => !MAIN.has(unit))];
  }

  #colour(series) {
    const {colour} = this.#drawing.series[series];
    return shadeOf(colourOf(`--${colour}`), this.#twin(series));
  }

  /** How many series before this one have the same colour: those are told apart by shade and dashes. */
  #twin(series) {
    const {colour} = this.#drawing.series[series];
    return this.#drawing.series.slice(0, series).filter((one) => one.colour === colour).length;
  }

  #options() {
    const units = this.#units();
    return {
      width: this.#host.clientWidth,
      height: this.#host.clientHeight,
      padding: [16, units.length > 1 ? 0 : 12, 0, 0],
      legend: {show: false},
      cursor: {
        drag: {x: true, y: false, setScale: true, dist: CLICK},
        points: {size: 7, width: 2},
        x: true,
        y: false,
      },
      scales: {
        x: {time: false, range: (_plot, min, max) => this.#xRange(min, max)},
        ...Object.fromEntries(units.map((unit) => [unit, {range: rangeOf(unit)}])),
      },
      axes: [this.#xAxis(), ...units.slice(0, 2).map((unit, at) => valueAxis(unit, at, colourOf))],
      series: [{}, ...this.#lines().map((line) => this.#series(line))],
      hooks: {
        drawClear: [(plot) => bands(plot, this.#drawing, this.#isDay)],
        draw: [(plot) => this.#isDay && nowLine(plot, this.#words), (plot) => this.#isDay && clockChange(plot, this.#drawing, this.#words)],
        setCursor: [(plot) => this.#readout.show(plot, this.#drawing, (series) => this.#colour(series), this.#hidden)],
        setScale: [(plot, scale) => scale === "x" && this.#tellZoom(plot)],
      },
    };
  }

  #xRange(min, max) {
    const [first, last] = this.#extent();
    const whole = min == null || (min <= this.#data()[0][0] && max >= this.#data()[0].at(-1));
    return whole ? [first, last] : [Math.max(first, min), Math.min(last, max)];
  }

  #tellZoom(plot) {
    const [first, last] = this.#extent();
    this.#zoomed(plot.scales.x.min > first || plot.scales.x.max < last);
  }

  #xAxis() {
    const common = {
      stroke: colourOf("--ink-muted"),
      font: "12px 'Inter Variable', system-ui, sans-serif",
      grid: {stroke: fade(colourOf("--line"), 0.7), width: 1},
      ticks: {show: false},
      size: 40,
      gap: 6,
    };
    if (this.#isDay) return {...common, splits: timeSplits(this.#drawing), values: timeLabels(this.#drawing, changeOf(this.#drawing))};
    return {...common, grid: {show: false}, splits: (plot) => this.#numberSplits(plot), values: (_plot, splits) => splits.map((at) => this.#short(at))};
  }

  /** As many numbers as there is room for. */
  #numberSplits(plot) {
    const [min, max] = [Math.ceil(plot.scales.x.min), Math.floor(plot.scales.x.max)];
    const step = Math.max(1, Math.ceil((max - min + 1) / (plot.width / 34)));
    const splits = [];
    for (let at = min; at <= max; at += step) splits.push(at);
    return splits;
  }

  /** The day's number, the month's short name, the year. */
  #short(at) {
    const local = this.#drawing.local[at];
    if (local === undefined) return "";
    if (this.#drawing.kind === "month") return String(Number(local.slice(8, 10)));
    if (this.#drawing.kind === "total") return local.slice(0, 4);
    const month = new Date(Date.UTC(2000, Number(local.slice(5, 7)) - 1, 1));
    return month.toLocaleDateString(document.documentElement.lang, {month: "short", timeZone: "UTC"});
  }

  // --- How a series looks ---

  #series({series, compared}) {
    const one = this.#drawing.series[series];
    const colour = this.#colour(series);
    const bars = !this.#isDay && BARS.has(one.unit);
    const common = {
      scale: one.unit,
      show: !this.#hidden.has(series),
      spanGaps: false,
      stroke: compared ? fade(colour, 0.75) : colour,
      width: bars ? 1 : compared ? 1.25 : 1.75,
      dash: compared ? [4, 4] : bars ? undefined : dashOf(this.#twin(series)),
    };
    if (bars) {
      const fill = compared ? fade(colour, 0.12) : fade(colour, one.colour === "production" ? 0.85 : 0.75);
      return {...common, fill, paths: (plot, at, first, last) => this.#barPaths(plot, at, first, last), points: {show: false}};
    }
    const area = this.#isDay && one.colour === "production" && one.unit === "W" && !compared && this.#twin(series) === 0;
    const points = {show: true, size: 4, width: 0, fill: colour, filter: (plot, at) => (this.#isDay ? lonely(plot.data[at]) : null)};
    return {...common, fill: area ? areaFill(colour) : undefined, points};
  }

  /** Bars of a point stand side by side; compared ones stand behind their own. */
  #barPaths(plot, at, first, last) {
    const lines = this.#lines();
    const places = [...new Set(lines.filter((line) => BARS.has(this.#drawing.series[line.series].unit) && !this.#hidden.has(line.series)).map((line) => line.series))];
    const {series} = lines[at - 1];
    const room = plot.valToPos(1, "x", true) - plot.valToPos(0, "x", true);
    const width = Math.min(room * 0.76, 72 * devicePixelRatio * places.length) / Math.max(1, places.length);
    const offset = (places.indexOf(series) - places.length / 2) * width;
    const scale = plot.series[at].scale;
    const floor = plot.valToPos(Math.max(0, plot.scales[scale].min), scale, true);
    const path = new Path2D();
    for (let point = first; point <= last; point++) {
      const value = plot.data[at][point];
      if (value == null) continue;
      const top = plot.valToPos(value, scale, true);
      const left = plot.valToPos(plot.data[0][point], "x", true) + offset;
      roundedTop(path, left + 0.5, top, Math.max(1, width - Math.min(3, width / 6)), floor - top);
    }
    return {stroke: path, fill: path};
  }

  // --- Pointer ---

  #listen() {
    const over = this.#plot.over;
    let from = null;
    over.addEventListener("pointerdown", (event) => { from = event.clientX; });
    over.addEventListener("click", (event) => {
      const query = this.#drawing.links.points[this.#plot.cursor.idx];
      if (query && from !== null && Math.abs(event.clientX - from) < CLICK) this.#open(query);
    });
    over.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "touch") return; // uPlot listens to the mouse itself
      const box = over.getBoundingClientRect();
      this.#plot.setCursor({left: event.clientX - box.left, top: event.clientY - box.top});
    });
    over.classList.toggle("is-choosable", !this.#isDay);
  }

  #resize() {
    if (this.#plot && this.#host.clientWidth) {
      this.#plot.setSize({width: this.#host.clientWidth, height: this.#host.clientHeight});
    }
  }
}

/** Points with nothing on either side, which no line would show. */
function lonely(values) {
  const found = [];
  for (let at = 0; at < values.length; at++) {
    if (values[at] != null && values[at - 1] == null && values[at + 1] == null) found.push(at);
  }
  return found;
}

/** Strong at the top, light at the foot. */
function areaFill(colour) {
  return (plot) => {
    const gradient = plot.ctx.createLinearGradient(0, plot.bbox.top, 0, plot.bbox.top + plot.bbox.height);
    gradient.addColorStop(0, fade(colour, 0.55));
    gradient.addColorStop(1, fade(colour, 0.1));
    return gradient;
  };
}

function roundedTop(path, left, top, width, height) {
  const radius = Math.min(3 * devicePixelRatio, width / 2, Math.max(0, height));
  path.roundRect(left, top, width, Math.max(0, height), [radius, radius, 0, 0]);
}
