"use strict";
// unfold lets things be clicked that no key reaches: groups of the sidebar, menus, the looks.
(() => {
  const OURS = "a[href], button, input, select, textarea, [tabindex]";
  const mute = (thing) => !thing.matches(OURS) && !thing.querySelector(OURS) && thing.textContent.trim();

  addEventListener("DOMContentLoaded", () => {
    for (const thing of [...document.querySelectorAll("[x-on\\:click]")].filter(mute)) {
      thing.tabIndex = 0;
      if (!thing.matches("h2")) thing.setAttribute("role", "button");
    }
  });
  addEventListener("keydown", (event) => {
    const thing = event.target;
    if (!["Enter", " "].includes(event.key) || !(thing instanceof Element)) return;
    if (!thing.matches("[x-on\\:click][tabindex]:not(a[href], button, input, select, textarea)")) return;
    event.preventDefault();
    thing.click();
  });
})();
