// The list of plants while somebody types: htmx does the work, this says what went wrong.

const failure = document.querySelector("#plants-failure");

function fail(event) {
  const id = event.detail.xhr?.getResponseHeader("X-Request-ID");
  failure.querySelector("span").textContent = id ? `${failure.dataset.request} ${id}` : "";
  failure.hidden = false;
}

document.body.addEventListener("htmx:responseError", fail);
document.body.addEventListener("htmx:sendError", fail);
document.body.addEventListener("htmx:beforeSwap", (event) => {
  // Who was logged out meanwhile was led to the log-in page: it does not belong into the list.
  if (new URL(event.detail.xhr.responseURL).pathname !== location.pathname) {
    event.detail.shouldSwap = false;
    location.reload();
    return;
  }
  if (!event.detail.isError) failure.hidden = true;
});
