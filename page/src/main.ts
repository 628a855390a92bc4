// Reads the embedded data and shows it.

import { drawCharts } from "./charts";
import { Run, type PageData } from "./data";
import { h } from "./dom";
import { comparePage, runPage } from "./runs";
import { sweepPage } from "./sweep";

function start(): void {
  const main = document.getElementById("page")!;
  const text = document.getElementById("text")!;
  const data = JSON.parse(document.getElementById("data")!.textContent!) as PageData;
  const [first] = data.subjects;
  let page: HTMLElement | undefined;
  const runs = data.subjects.filter((subject) => subject.kind === "run").map((subject) => new Run(subject));
  if (runs.length === 2) page = comparePage([runs[0]!, runs[1]!]);
  else if (runs.length === 1) page = runPage(runs[0]!);
  else if (first?.kind === "sweep") page = sweepPage(first);
  if (!page) return;
  text.querySelector("h1")!.remove();
  const fold = h("details", { class: "panel text" }, h("summary", {}, "The same as text"), text);
  document.body.classList.add("live");
  main.replaceChildren(page, fold, h("footer", { class: "note" }, `Written by ${data.program} ${data.version}. The page loads nothing and sends nothing.`));
  requestAnimationFrame(drawCharts);
  let width = window.innerWidth;
  let timer = 0;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    window.clearTimeout(timer);
    timer = window.setTimeout(drawCharts, 150);
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawCharts);
  window.addEventListener("beforeprint", drawCharts);
}

start();
