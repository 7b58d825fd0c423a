// Says what is wrong with a draft while it is typed, and keeps the numbers of the lines.
"use strict";
const editor = document.getElementById("editor");
const source = document.getElementById("source");
const numbers = document.getElementById("numbers");
const place = document.getElementById("findings");
const PAUSE = 500; // milliseconds without a letter
let timer = 0;
let asked = 0;

function count() {
  const lines = source.value.split("\n").length;
  numbers.textContent = Array.from({ length: lines }, (_, line) => line + 1).join("\n");
  source.rows = lines + 1;
}

function told(finding) {
  const row = document.createElement("li");
  row.className = `lab-${finding.severity}`;
  const kind = document.createElement("strong");
  kind.textContent = editor.dataset[finding.severity];
  const key = document.createElement("code");
  key.textContent = finding.key;
  row.append(kind, ` ${editor.dataset.line} ${finding.line} `, key, ` ${finding.sentence}`);
  return row;
}

function show(findings) {
  if (!findings.length) {
    const fine = document.createElement("p");
    fine.textContent = editor.dataset.fine;
    place.replaceChildren(fine);
    return;
  }
  const list = document.createElement("ul");
  list.className = "lab-findings";
  list.append(...findings.map(told));
  place.replaceChildren(list);
}

async function check() {
  const mine = ++asked;
  const body = new FormData(editor);
  const answer = await fetch(editor.dataset.check, {
    method: "POST",
    body,
    headers: { "X-Requested-With": "fetch" },
  });
  // Who has typed on meanwhile is told of that.
  if (answer.ok && mine === asked) show((await answer.json()).findings);
}

source.addEventListener("input", () => {
  count();
  clearTimeout(timer);
  timer = setTimeout(check, PAUSE);
});
