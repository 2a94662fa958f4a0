// "/" goes to the search box in the header, on every page; times say their local time too; fields that the libraries
// draw themselves are called by their labels, and the box above the menu by what it finds; the field that a page begins
// with has the cursor.
(() => {
  const isTyping = (target) => target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
  window.addEventListener("keydown", (event) => {
    const box = document.getElementById("find-orders");
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || !box) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // the theme's own list search has the same key
    if (box.offsetParent === null) { window.location = box.form.action; return; } // too narrow to show it
    box.focus();
    box.select();
  }, true);
  const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
  const tell = (root) => root.querySelectorAll("time[datetime]:not([data-local])").forEach((one) => {
    const at = new Date(one.dateTime);
    if (Number.isNaN(at.getTime())) return;
    one.dataset.local = "";
    one.title = `${one.title ? `${one.title}\n` : ""}${local.format(at)} (your time)`;
  });
  const name = () => {
    document.querySelectorAll("select.select2-hidden-accessible").forEach((field) => {
      const label = field.labels[0]?.textContent.trim() ?? field.name;
      const drawn = field.nextElementSibling.querySelectorAll(".select2-selection, .select2-selection__rendered");
      drawn.forEach((one) => one.setAttribute("aria-label", label));
    });
    document.querySelectorAll(".help-tooltip[aria-label]").forEach((one) => one.setAttribute("role", "img"));
  };
  // A chart is one stop of the Tab key, and the arrow keys go through its bars.
  document.addEventListener("keydown", (event) => {
    const bar = event.target.closest?.(".bar-chart a"), step = { ArrowLeft: "previous", ArrowRight: "next" }[event.key];
    const other = bar && step && bar[`${step}ElementSibling`];
    if (!other) return;
    event.preventDefault();
    bar.setAttribute("tabindex", "-1");
    other.setAttribute("tabindex", "0");
    other.focus();
  });
  document.addEventListener("DOMContentLoaded", () => {
    tell(document);
    // As at the head of a column, where the theme writes every word of it with a capital.
    document.querySelectorAll("[data-label]").forEach(({ dataset }) => {
      dataset.label = dataset.label.charAt(0).toUpperCase() + dataset.label.slice(1);
    });
    const pages = document.getElementById("nav-filter");
    pages?.setAttribute("placeholder", "Find a page");
    pages?.setAttribute("aria-label", "Find a page of the menu");
  });
  window.addEventListener("load", () => setTimeout(name)); // after those who draw them then
  // A link to a field puts the cursor there.
  const enter = () => {
    const field = document.getElementById(window.location.hash.slice(1));
    if (field?.matches("input, select, textarea")) field.focus();
  };
  window.addEventListener("hashchange", enter);
  window.addEventListener("load", () => setTimeout(enter));
  document.addEventListener("click", (event) => { // once more on the same one
    const link = event.target.closest?.("a[href^='#id_']");
    if (link && link.hash === window.location.hash) setTimeout(enter);
  });
  // The theme hides a page until it has begun, and the browser gives up the field's autofocus if it draws it before that.
  const begin = () => {
    if (document.activeElement === document.body) document.querySelector("[autofocus]")?.focus();
  };
  document.addEventListener("alpine:initialized", begin);
  window.addEventListener("load", begin);
  document.addEventListener("htmx:afterSwap", (event) => tell(event.target));
})();
