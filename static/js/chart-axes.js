// The axes of a plant's chart: hours as the plant's clocks show them, values in a unit chosen by magnitude.

import {scaleFor} from "./units.js";
import {fade} from "./chart-colours.js";

const STEPS = [5, 10, 15, 30, 60, 120, 180, 360, 720]; // minutes
const FROM_ZERO = new Set(["W", "Wh", "A", "W/m2", "Wh/m2", "m/s", "W/Wp"]);
const NARROW = 480; // pixels
const FONT = "12px 'Inter Variable', system-ui, sans-serif";
const numbers = new Intl.NumberFormat(document.documentElement.lang, {maximumSignificantDigits: 3});

const minuteOf = (local) => Number(local.slice(11, 13)) * 60 + Number(local.slice(14, 16));

/** Where hours are marked: at round local times, as many as there is room for. */
export function timeSplits({x, local}) {
  return (plot) => {
    const {min, max} = plot.scales.x;
    const fits = Math.max(2, plot.width / 75);
    const step = STEPS.find((minutes) => (max - min) / 60 / minutes <= fits) ?? STEPS.at(-1);
    return x.filter((at, slot) => at >= min && at <= max && minuteOf(local[slot]) % step === 0);
  };
}

/** 14:00; with the offset below it where this hour occurs twice. */
export function timeLabels({x, local}, change) {
  return (_plot, splits) => splits.map((at) => {
    const time = local[x.indexOf(at)];
    const twice = change?.twice && at >= change.at - change.seconds && at < change.at + change.seconds;
    return twice ? `${time.slice(11, 16)}\n${time.slice(19).replace(":00", "")}` : time.slice(11, 16);
  });
}

/** The axis of a unit: the first stands left with the grid, the second right. The unit stands at the highest number. */
export function valueAxis(unit, at, colourOf) {
  return {
    scale: unit,
    side: at === 0 ? 3 : 1,
    stroke: colourOf("--ink-muted"),
    font: FONT,
    size: (plot) => (plot.width < NARROW ? 54 : 70),
    gap: 6,
    space: 44,
    grid: {show: at === 0, stroke: fade(colourOf("--line"), 0.9), width: 1},
    ticks: {show: false},
    values: (plot, splits) => {
      const scale = scaleFor(Math.max(Math.abs(plot.scales[unit].min), Math.abs(plot.scales[unit].max)), unit);
      const highest = splits.findLastIndex((split) => split <= plot.scales[unit].max);
      return splits.map((split, index) => `${numbers.format(split / scale.factor)}${index === highest ? ` ${scale.unit}` : ""}`);
    },
  };
}

/** From 0 for what begins there, 0 to 100 for shares, around the values for the rest. */
export function rangeOf(unit) {
  return (_plot, min, max) => {
    if (unit === "%") return [0, 100];
    if (min == null) return [0, 1];
    const room = (max - Math.min(min, FROM_ZERO.has(unit) ? 0 : min)) * 0.06 || 1;
    return [FROM_ZERO.has(unit) && min >= 0 ? 0 : min - room, max + room];
  };
}
