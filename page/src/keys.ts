// Keyboard shortcuts for the whole page, unless the focused field or list uses the key itself.

import type { App } from "./app";
import { togglePlay } from "./scrubber";

export function keys(app: App): void {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as HTMLElement;
    const typing = target.matches("input:not([type=checkbox]):not([type=range]), select, textarea");
    if (event.key === "Escape") {
      if (typing) target.blur();
      else app.change({ selection: null, whatIf: null, playing: false });
      return;
    }
    if (typing) return;
    if (event.key === "/") {
      document.querySelector<HTMLInputElement>("input[type=search]")?.focus();
      event.preventDefault();
      return;
    }
    // Sliders, the list of events and scrolling regions handle the arrow keys themselves.
    if (target.matches("input[type=range], [role=listbox], pre")) return;
    const acts = target.matches("button, summary, a, input, [role=button]");
    if (event.key === " " && !acts) togglePlay(app);
    else if (event.key === "ArrowLeft") app.change({ step: app.state.step - 1, playing: false });
    else if (event.key === "ArrowRight") app.change({ step: app.state.step + 1, playing: false });
    else if (event.key === "Home") app.change({ step: 0, playing: false });
    else if (event.key === "End") app.change({ step: app.steps - 1, playing: false });
    else return;
    event.preventDefault();
  });
}
