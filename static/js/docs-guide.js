// The guide: the contents beside the text mark the chapter that is being read.

const links = new Map([...document.querySelectorAll(".guide-contents a")].map((link) => [link.hash.slice(1), link]));
const chapters = [...document.querySelectorAll(".chapter")];
const visible = new Set();

const observer = new IntersectionObserver((entries) => {
  for (const {target, isIntersecting} of entries) isIntersecting ? visible.add(target) : visible.delete(target);
  const first = chapters.find((chapter) => visible.has(chapter));
  if (!first) return;
  for (const [id, link] of links) {
    if (id === first.id) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}, {rootMargin: "-10% 0px -60% 0px"});
chapters.forEach((chapter) => observer.observe(chapter));
