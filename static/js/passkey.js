// Passkeys: <form data-passkey="get|create"> with a hidden input "credential" and a button that starts the dialogue.
// The options stand in <script id="passkey-options" type="application/json">, or are asked for at the form's address.

const supported = Boolean(window.PublicKeyCredential?.parseRequestOptionsFromJSON && navigator.credentials);

/** What the server asks for, as JSON. */
async function optionsFor(form) {
  const written = document.getElementById("passkey-options");
  if (written) return JSON.parse(written.textContent);
  const answer = await fetch(form.action, {headers: {Accept: "application/json"}});
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  return answer.json();
}

function create(json) {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(json.creation_options.publicKey);
  // One that can be found without an e-mail address and proves its user: it replaces the password.
  const selection = {residentKey: "required", requireResidentKey: true, userVerification: "required"};
  publicKey.authenticatorSelection = {...publicKey.authenticatorSelection, ...selection};
  return navigator.credentials.create({publicKey});
}

function get(json) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(json.request_options.publicKey);
  return navigator.credentials.get({publicKey});
}

const ERRORS = {NotAllowedError: "refused", AbortError: "refused", InvalidStateError: "known"};

function say(form, kind) {
  for (const line of form.querySelectorAll("[data-error]")) line.hidden = line.dataset.error !== kind;
}

async function start(form, button) {
  say(form, null);
  button.disabled = true;
  try {
    const json = await optionsFor(form);
    const credential = await (form.dataset.passkey === "create" ? create(json) : get(json));
    form.elements.credential.value = JSON.stringify(credential.toJSON());
    form.requestSubmit();
  } catch (error) {
    say(form, ERRORS[error.name] ?? "failed");
  } finally {
    button.disabled = false;
  }
}

if (supported) {
  document.querySelectorAll("[data-passkey-absent]").forEach((words) => (words.hidden = true));
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const button = form.querySelector("button");
    form.hidden = false;
    button.addEventListener("click", () => start(form, button));
  }
}
