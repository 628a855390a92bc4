// Helpers to build elements. All text is added as text nodes, so text from a scenario is never parsed as markup.

export type Child = Node | string | null | undefined | false;
type Listener = (event: never) => void;
export type Attributes = Record<string, string | number | boolean | undefined | Listener>;

function fill<E extends Element>(element: E, attributes: Attributes, children: Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === "function") {
      element.addEventListener(name, value as unknown as EventListener);
    } else if (name === "class") {
      element.setAttribute("class", String(value));
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child);
  }
  return element;
}

/** An HTML element. */
export function h<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(name), attributes, children);
}

/** An SVG element. */
export function s<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

/** Replaces the children of an element. */
export function set(element: Element, ...children: Child[]): void {
  element.replaceChildren(...(children.filter((child) => child) as (Node | string)[]));
}

/** A button with a label. */
export function button(label: Child, click: () => void, attributes: Attributes = {}): HTMLButtonElement {
  return h("button", { type: "button", click, ...attributes }, label);
}

/** Makes the arrow keys move between the marks of a strip, which is a single tab stop. */
export function roving(container: Element, selector: string): void {
  container.addEventListener("keydown", (event) => {
    const key = (event as KeyboardEvent).key;
    const marks = [...container.querySelectorAll<SVGElement | HTMLElement>(selector)];
    const at = marks.indexOf(document.activeElement as HTMLElement);
    if (at < 0) return;
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: marks.length - 1 }[key];
    if (key === "Enter" || key === " ") {
      event.preventDefault();
      event.stopPropagation();
      marks[at]!.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    } else if (to !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      const next = marks[Math.max(0, Math.min(marks.length - 1, to))]!;
      marks.forEach((mark) => mark.setAttribute("tabindex", "-1"));
      next.setAttribute("tabindex", "0");
      next.focus();
    }
  });
}

/** The width in pixels of a drawing across the page, so that its texts are not scaled. Each of two sides has half. */
export function frameWidth(sides: number): number {
  const page = Math.min(1720, document.documentElement.clientWidth) - 70;
  const each = sides > 1 && page >= 930 ? page / sides - 20 : page;
  return Math.round(Math.max(300, each));
}
