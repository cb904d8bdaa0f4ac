// Pages of a plant: on a narrow screen the tabs scroll; the one that is open comes into view.

const tabs = document.querySelector(".tabs");
const open = tabs?.querySelector("[aria-current]");
if (open) tabs.scrollLeft = open.offsetLeft - (tabs.clientWidth - open.offsetWidth) / 2;
