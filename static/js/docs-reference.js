// The reference: Swagger UI from our own files, with the calls of the reader's package, tried with a token of minutes.

const settings = JSON.parse(document.getElementById("reference-settings").textContent);
const words = document.getElementById("reference-words").dataset;
const target = document.getElementById("reference");
const form = document.getElementById("try");
const own = new Set(settings.functions);
const added = new Set(); // paths of calls of which the reader's package holds nothing

// --- The document as this reader sees it: one portal, own ids filled in, what another package adds is marked ---------

function tailored(whole) {
  const paths = Object.entries(whole.paths).map(([template, item]) => {
    const path = template.replace("{portal}", settings.portal);
    if (!item.get["x-functions"].some((row) => own.has(row.name))) added.add(path);
    return [path, {get: tailoredCall(item.get, added.has(path))}];
  });
  const components = {...whole.components, securitySchemes: {token: {type: "http", scheme: "bearer"}}};
  return {...whole, components, paths: Object.fromEntries(paths), servers: [{url: location.origin}]};
}

function tailoredCall(call, isAdded) {
  const selectors = new Set(call["x-functions"].filter((row) => !own.has(row.name)).map((row) => row.selectedBy));
  return {
    ...call,
    responses: Object.fromEntries(Object.entries(call.responses).map(tailoredAnswer)),
    summary: isAdded ? `${call.summary} (${words.adds})` : call.summary,
    security: [{token: []}],
    parameters: call.parameters
      .filter((parameter) => parameter.name !== "portal")
      .map((parameter) => tailoredParameter(parameter, selectors)),
  };
}

/** Problems all have the form that the guide shows, so here they keep their meaning only. */
function tailoredAnswer([status, answer]) {
  return [status, status < "400" ? answer : {description: answer.description}];
}

function tailoredParameter(parameter, selectors) {
  const tailored = {...parameter, schema: withoutFormat(parameter.schema)};
  if (selectors.has(parameter.name.replace("[]", ""))) tailored.description += ` **(${words.adds})**`;
  const value = settings.values[parameter.name];
  if (value !== undefined && parameter.required) {
    tailored.example = parameter.schema.type === "array" ? [value] : value;
  }
  return tailored;
}

/** Swagger UI complains about formats for which it has no field of its own. */
function withoutFormat({format, items, ...schema}) {
  return items ? {...schema, items: withoutFormat(items)} : schema;
}

// --- The token: in this variable and nowhere else --------------------------------------------------------------------

const SPARE = 10_000; // milliseconds before its end in which a token is no longer used
let token = null;

async function freshToken() {
  if (token && Date.now() < token.ends - SPARE) return token.key;
  const headers = {Accept: "application/json"};
  const answer = await fetch(form.action, {method: "POST", body: new FormData(form), headers, redirect: "manual"});
  if (answer.type === "opaqueredirect") throw new Error(words.login);
  const isJson = answer.headers.get("Content-Type")?.startsWith("application/json");
  const body = isJson ? await answer.json() : {message: `${answer.status} ${answer.statusText}`};
  if (!answer.ok) throw new Error(body.message);
  token = {key: body.token, ends: Date.now() + body.seconds * 1000};
  return token.key;
}

async function authorized(request) {
  const problem = document.getElementById("try-problem");
  problem.textContent = "";
  try {
    request.headers.Authorization = `Bearer ${await freshToken()}`;
  } catch (error) {
    problem.textContent = error.message;
    throw error;
  }
  request.credentials = "omit";
  return request;
}

/** RateLimit: "minute";r=58;t=12, "day";r=4998;t=40000 */
function noted(response) {
  if (response.status === 401) token = null;
  const found = [...String(response.headers.ratelimit).matchAll(/"(\w+)";r=(\d+)/g)];
  const left = Object.fromEntries(found.map(([_whole, window, remaining]) => [window, remaining]));
  if (left.minute && left.day) {
    const number = new Intl.NumberFormat(document.documentElement.lang);
    document.getElementById("try-quota").textContent = words.quota
      .replace("{minute}", number.format(left.minute))
      .replace("{day}", number.format(left.day));
  }
  return response;
}

// --- Swagger UI ------------------------------------------------------------------------------------------------------

const nothing = () => null;
const Frame = () => ({
  components: {InfoContainer: nothing, ServersContainer: nothing, SchemesContainer: nothing, AuthorizeBtnContainer: nothing},
  wrapComponents: {
    authorizeOperationBtn: () => nothing,
    operation: (Original, {React}) => (props) =>
      React.createElement(
        "div",
        {className: added.has(props.operation.get("path")) ? "call call-added" : "call"},
        React.createElement(Original, props),
      ),
  },
});

async function show() {
  const answer = await fetch(settings.document);
  if (!answer.ok) throw new Error(answer.statusText);
  const spec = tailored(await answer.json());
  target.replaceChildren();
  const ui = SwaggerUIBundle({
    spec,
    domNode: target,
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: -1,
    displayRequestDuration: true,
    persistAuthorization: false,
    showMutatedRequest: false, // the command to copy shows $TOKEN and not the token
    supportedSubmitMethods: settings.canTry ? ["get"] : [],
    syntaxHighlight: false,
    validatorUrl: null,
    plugins: [Frame],
    requestInterceptor: authorized,
    responseInterceptor: noted,
    onComplete: () => ui.preauthorizeApiKey("token", "$TOKEN"),
  });
}

/** Swagger UI goes dark by a class of its own. */
function followTheme() {
  const root = document.documentElement;
  const follow = () => root.classList.toggle("dark-mode", root.dataset.bsTheme === "dark");
  new MutationObserver(follow).observe(root, {attributes: true, attributeFilter: ["data-bs-theme"]});
  follow();
}

followTheme();
show()
  .catch(() => {
    target.textContent = words.failed;
  })
  .finally(() => target.removeAttribute("aria-busy"));
