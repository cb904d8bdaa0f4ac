// Colours of the style sheet as the canvas needs them. One meaning each; series of one meaning differ in shade and dashes.

const SHADES = [["ink", 0], ["ink", 0.4], ["surface", 0.4], ["ink", 0.7], ["surface", 0.6]];
const DASHES = [undefined, [7, 3], [2, 3], [10, 3, 2, 3]];

const probe = document.createElement("span");
probe.hidden = true;
document.body.append(probe);

/** The colour a custom property has now: light or dark. */
export function colourOf(name) {
  return resolved(`var(${name})`);
}

function resolved(colour) {
  probe.style.color = colour;
  return getComputedStyle(probe).color;
}

/** The shade of the nth series of one colour. */
export function shadeOf(colour, nth) {
  const [towards, share] = SHADES[nth % SHADES.length];
  return share ? resolved(`color-mix(in oklab, ${colour}, var(--${towards}) ${share * 100}%)`) : colour;
}

/** The dashes of the nth series of one colour: new ones once the shades begin again. */
export function dashOf(nth) {
  return DASHES[(nth + Math.floor(nth / SHADES.length)) % DASHES.length];
}

/** The same colour, that opaque. */
export function fade(colour, opacity) {
  return resolved(`color-mix(in srgb, ${colour} ${opacity * 100}%, transparent)`);
}
