// Line drawings on a grid of 24.

import { svg } from "./dom.js";

const PATHS = {
  chart: "M4 4v16h16 M8 16v-4 M12.5 16V8 M17 16v-6",
  check: "M5 12.5l5 5L19.5 7",
  copy: "M9 9h11v11H9z M5.5 15H4V4h11v1.5",
  cross: "M6 6l12 12 M18 6L6 18",
  down: "M12 5v14 M6 13l6 6 6-6",
  edit: "M4 20l1-4L16.5 4.5l3 3L8 19z M14 7l3 3",
  menu: "M4 7h16 M4 12h16 M4 17h16",
  plus: "M12 5v14 M5 12h14",
  retry: "M19.5 12a7.5 7.5 0 1 1-2.2-5.3 M19.5 3.5v4h-4",
  send: "M12 19V5 M6 11l6-6 6 6",
  settings: "M4 7h9 M17 7h3 M15 5v4 M4 17h3 M11 17h9 M9 15v4 M4 12h3 M11 12h9 M9 10v4",
  stop: "M7 7h10v10H7z",
  tool: "M14.5 6.5a4 4 0 0 1 5-1.8l-2.7 2.7.6 1.8 1.8.6 2.6-2.7a4 4 0 0 1-5.3 5L8.4 20.2a2 2 0 0 1-2.8-2.8l8.2-8.1a4 4 0 0 1 .7-2.8z",
  trash: "M5 7h14 M10 7V4.5h4V7 M7 7l1 12.5h8L17 7 M10.5 10.5v6 M13.5 10.5v6",
};

export function icon(name) {
  return svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, svg("path", { d: PATHS[name] }));
}

// Puts icons into the elements that name one: data-icon="stop".
export function drawIcons(root) {
  for (const node of root.querySelectorAll("[data-icon]")) node.prepend(icon(node.dataset.icon));
}
