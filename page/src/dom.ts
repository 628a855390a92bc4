// Helpers to build elements, and the shapes of states and kinds of events. All text is added as text nodes, so text from
// a scenario is never parsed as markup.

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

/** A titled section of the page. */
export function panel(title: string, ...content: Child[]): HTMLElement {
  const id = `title-${title.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  return h("section", { class: "panel", "aria-labelledby": id }, h("h2", { id }, title), ...content);
}

/**
 * Shapes, so that colour is never the only distinction: paths in a box of 16 by 16, stroked, or filled if they begin with
 * `!`.
 */
const SHAPES: Record<string, string[]> = {
  not_offered: ["M4 8H12"],
  conditional: ["M8 2.5A5.5 5.5 0 1 1 7.99 2.5Z"],
  detached: ["!M8 2A6 6 0 1 1 7.99 2Z"],
  pending: ["M5.5 3V13", "M10.5 3V13"],
  satisfied: ["M2.5 8.5L6.5 12.5L13.5 4"],
  violated: ["M3 3L13 13", "M13 3L3 13"],
  expired: ["M4 2.5H12L4 13.5H12Z"],
  terminated: ["M6 3L2.5 6.5L6 10", "M2.5 6.5H9.5A4 4 0 0 1 9.5 13.5"],
  calendar: ["!M3 3H13V13H3Z"],
  shock: ["!M9 1L3 9H7L6 15L13 6H9Z"],
  move: ["!M2 6H8V2L14 8L8 14V10H2Z"],
  promise: ["!M8 2A6 6 0 1 1 7.99 2Z"],
  outcome: ["!M3 1H5V15H3Z", "!M5 2H14L11 5.5L14 9H5Z"],
  people: ["!M8 2A3 3 0 1 1 7.99 2Z", "!M2.5 14A5.5 5.5 0 0 1 13.5 14Z"],
  draw: ["M3 3H13V13H3Z", "!M7 7H9V9H7Z"],
  other: ["!M8 2L14 8L8 14L2 8Z"],
  play: ["!M4 2L13 8L4 14Z"],
  pause: ["!M3 2H7V14H3Z", "!M9 2H13V14H9Z"],
  first: ["!M3 2H5V14H3Z", "!M13 2V14L5.5 8Z"],
  last: ["!M11 2H13V14H11Z", "!M3 2V14L10.5 8Z"],
  back: ["!M12 2V14L4 8Z"],
  next: ["!M4 2V14L12 8Z"],
  close: ["M3.5 3.5L12.5 12.5", "M12.5 3.5L3.5 12.5"],
};

export function shape(name: string, size = 16): SVGGElement {
  const group = s("g", { class: `shape shape-${name}`, transform: size === 16 ? undefined : `scale(${size / 16})` });
  for (const path of SHAPES[name] ?? SHAPES.other!) {
    const filled = path.startsWith("!");
    group.append(s("path", { d: filled ? path.slice(1) : path, class: filled ? "filled" : "line" }));
  }
  return group;
}

export function icon(name: string, size = 16): SVGSVGElement {
  return s("svg", { class: `icon icon-${name}`, viewBox: "0 0 16 16", width: size, height: size, "aria-hidden": "true" }, shape(name));
}
