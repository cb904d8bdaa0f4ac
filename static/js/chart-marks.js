// What is drawn besides values: the night, gaps with their reason, the present moment, and the hour clocks change.

import {colourOf, fade} from "./chart-colours.js";

const FONT = "'Inter Variable', system-ui, sans-serif";
const px = (size) => size * devicePixelRatio;

/** Night and gaps, below everything else. */
export function bands(plot, drawing, isDay) {
  const {ctx} = plot;
  ctx.save();
  clip(plot);
  ctx.fillStyle = fade(colourOf("--ink"), 0.045);
  for (const [since, until] of drawing.nights) fillBand(plot, since, until);
  for (const gap of drawing.gaps) drawGap(plot, gap, edges(drawing, gap, isDay));
  ctx.restore();
}

function edges(drawing, gap, isDay) {
  if (!isDay) return [gap.first - 0.5, gap.end - 0.5];
  const {x} = drawing;
  return [x[gap.first], x[gap.end] ?? x.at(-1) + 300];
}

function clip({ctx, bbox}) {
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
}

function span(plot, since, until) {
  const left = plot.valToPos(since, "x", true);
  return [left, plot.valToPos(until, "x", true) - left];
}

function fillBand(plot, since, until) {
  const [left, width] = span(plot, since, until);
  plot.ctx.fillRect(left, plot.bbox.top, width, plot.bbox.height);
}

function drawGap(plot, gap, [since, until]) {
  const {ctx, bbox} = plot;
  const [left, width] = span(plot, since, until);
  ctx.fillStyle = hatching(ctx);
  ctx.fillRect(left, bbox.top, width, bbox.height);
  ctx.font = `${px(12)}px ${FONT}`;
  const text = ctx.measureText(gap.text).width + px(16);
  const visible = Math.min(left + width, bbox.left + bbox.width) - Math.max(left, bbox.left);
  if (text > visible) return;
  const middle = Math.max(left, bbox.left) + visible / 2;
  const line = bbox.top + px(20);
  ctx.fillStyle = colourOf("--surface");
  ctx.fillRect(middle - text / 2, line - px(10), text, px(20));
  ctx.fillStyle = colourOf("--ink-muted");
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillText(gap.text, middle, line);
}

function hatching(ctx) {
  const size = Math.round(px(8));
  const tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const pen = tile.getContext("2d");
  pen.strokeStyle = fade(colourOf("--ink-muted"), 0.4);
  pen.lineWidth = px(1);
  pen.beginPath();
  for (const shift of [-size, 0, size]) {
    pen.moveTo(shift, size);
    pen.lineTo(shift + size, 0);
  }
  pen.stroke();
  return ctx.createPattern(tile, "repeat");
}

/** Where the present moment is, if it is in view. */
export function nowLine(plot, words) {
  const now = Date.now() / 1000;
  if (now < plot.scales.x.min || now > plot.scales.x.max) return;
  verticalLine(plot, now, colourOf("--accent"), words.now);
}

/** The hour that occurs twice or never: {at, seconds, twice, text}; null on ordinary days. */
export function changeOf({x, local}) {
  const at = local.findIndex((time, slot) => slot > 0 && time.slice(19) !== local[slot - 1].slice(19));
  if (at < 0) return null;
  const difference = minutes(local[at].slice(19)) - minutes(local[at - 1].slice(19));
  const begin = minutes(local[at].slice(11, 16)) - Math.max(0, difference);
  const text = `${clock(begin)}–${clock(begin + Math.abs(difference))}`;
  return {at: x[at], seconds: Math.abs(difference) * 60, twice: difference < 0, text};
}

/** Minutes of 14:05 or of an offset such as -03:30. */
function minutes(text) {
  const [hours, rest] = text.replace(/[+-]/, "").split(":").map(Number);
  return (text.startsWith("-") ? -1 : 1) * (hours * 60 + rest);
}

function clock(minute) {
  return `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
}

/** Says in the drawing that clocks changed here. */
export function clockChange(plot, drawing, words) {
  const change = changeOf(drawing);
  if (!change || change.at < plot.scales.x.min || change.at > plot.scales.x.max) return;
  verticalLine(plot, change.at, colourOf("--ink-muted"), `${change.text} ${change.twice ? words.twice : words.skipped}`, [4, 4]);
}

function verticalLine(plot, at, colour, text, dash = []) {
  const {ctx, bbox} = plot;
  const left = Math.round(plot.valToPos(at, "x", true)) + 0.5;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour;
  ctx.lineWidth = px(1);
  ctx.setLineDash(dash.map(px));
  ctx.beginPath();
  ctx.moveTo(left, bbox.top);
  ctx.lineTo(left, bbox.top + bbox.height);
  ctx.stroke();
  ctx.font = `${px(11)}px ${FONT}`;
  const fitsRight = left + ctx.measureText(text).width + px(8) < bbox.left + bbox.width;
  ctx.textAlign = fitsRight ? "left" : "right";
  ctx.textBaseline = "bottom";
  ctx.fillText(text, left + px(fitsRight ? 3 : -3), bbox.top - px(2));
  ctx.restore();
}
