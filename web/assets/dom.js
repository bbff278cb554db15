// Builds elements. Text always goes in as text, never as HTML: questions, charts and guidance are data.

/**
 * `element("p", { class: "hint" }, "Hello ", element("b", {}, "you"))`. Attributes that are null, undefined or false are
 * left out; functions become listeners (`onclick` → click); `null` children are skipped.
 */
export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same for SVG, whose elements live in a namespace of their own. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(key.replace(/^on/, ""), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

/** An element of the page by its id. */
export const byId = (id) => document.getElementById(id);

const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

/** Scrolls smoothly, or at once for those who asked their system for less motion. */
export function bringIntoView(node, block = "start") {
  node.scrollIntoView({ block, behavior: calm.matches ? "auto" : "smooth" });
}

/** Says something to screen readers without moving focus. */
export function announce(text) {
  const status = byId("status");
  // The same words twice in a row are only spoken again when the element was empty in between.
  status.textContent = "";
  window.setTimeout(() => {
    status.textContent = text;
  }, 50);
}
