// What every page shares: copy buttons, menus that close, forms that are sent once.

const COPIED_FOR = 2000; // milliseconds

/** <button data-copy="#id">: copies the text of the element, says so, and goes back to its own words. */
async function copy(button) {
  const source = document.querySelector(button.dataset.copy);
  await navigator.clipboard.writeText(source.value ?? source.textContent.trim());
  const words = button.querySelector("[data-words]") ?? button;
  const before = words.textContent;
  if (button.dataset.copied && before !== button.dataset.copied) {
    words.textContent = button.dataset.copied;
    button.classList.add("is-done");
    setTimeout(() => {
      words.textContent = before;
      button.classList.remove("is-done");
    }, COPIED_FOR);
  }
}

/** <input data-confirm="word" data-enables="#button">: the button works once the word has been typed. */
function guard(input) {
  document.querySelector(input.dataset.enables).disabled = input.value.trim() !== input.dataset.confirm;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// On a phone a row of tabs is wider than the screen: the active one is shown.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest?.("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-confirm]")) guard(event.target);
});
document.querySelectorAll("[data-confirm]").forEach(guard);

// <select data-submit>: changing it sends its form; the form's own button stays for those without scripts.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

// A form that changes something is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "1";
});
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));
