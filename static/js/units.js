// Numbers as people read them, in the language of the page: the browser's side of apps/web/units.py.

const PREFIXES = [[1e9, "G"], [1e6, "M"], [1e3, "k"]];
const SCALED = new Set(["W", "Wh", "Wp"]);
const SIGNS = {degC: "°C", "W/m2": "W/m²", "Wh/m2": "Wh/m²"};
const LANGUAGE = document.documentElement.lang || "en";

const formats = new Map();

/** `value` with exactly so many digits behind the point. */
export function fixed(value, decimals) {
  if (!formats.has(decimals)) {
    formats.set(decimals, new Intl.NumberFormat(LANGUAGE, {minimumFractionDigits: decimals, maximumFractionDigits: decimals}));
  }
  return formats.get(decimals).format(value);
}

/** The factor and the unit that suit values up to `largest`: 3420 W are shown in kW. */
export function scaleFor(largest, unit) {
  const shown = Number(Math.abs(largest).toPrecision(3)); // 999.7 W is shown as 1.00 kW
  const [factor, prefix] = (SCALED.has(unit) && PREFIXES.find(([factor]) => shown >= factor)) || [1, ""];
  return {factor, unit: prefix + (SIGNS[unit] ?? unit)};
}

/** 3.42 kW, or null where nothing is known. */
export function quantity(value, unit) {
  if (value == null) return null;
  const scale = scaleFor(value, unit);
  const shown = value / scale.factor;
  const whole = String(Math.trunc(Number(Math.abs(shown).toPrecision(3)))).length;
  const decimals = SCALED.has(unit) && scale.factor === 1 ? 0 : Math.max(0, 3 - whole);
  return `${fixed(shown, decimals)} ${scale.unit}`.trim();
}
