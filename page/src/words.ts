// Texts for states, events, numbers and dates.

import type { Run } from "./data";

/** Display names of states, by their names in the tables; others are shown unchanged. */
const STATES: Record<string, string> = {
  not_offered: "not on the table",
  conditional: "offered",
  detached: "bound",
  pending: "suspended",
  satisfied: "kept",
  violated: "broken",
  expired: "lapsed",
  terminated: "released",
};

export function stateWord(name: string): string {
  return STATES[name] ?? name;
}

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/** The date of a step with its day of the week, or the number of a step without dates. */
export function stepLabel(run: Run, step: number): string {
  const date = run.data.dates[step] ?? "";
  if (date === "") return `step ${step}`;
  const plain = date.slice(0, 10);
  const day = new Date(`${plain}T00:00:00Z`).getUTCDay();
  const time = date.length > 10 ? ` ${date.slice(11, 16)}` : "";
  return Number.isNaN(day) ? date : `${DAYS[day]!} ${plain}${time}`;
}

export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number.toLocaleString("en").replaceAll(",", "\u202f")} ${number === 1 ? noun : plural}`;
}

/** `a, b and c`. */
export function listed(parts: string[], most = 6): string {
  const shown = parts.length > most ? [...parts.slice(0, most - 1), `${parts.length - most + 1} others`] : parts;
  if (shown.length < 2) return shown.join("");
  return `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)!}`;
}

/** The debtors of a commitment: `United States`, `8 of troop_partners`. */
export function debtors(run: Run, commitment: number): string {
  const members = run.members[commitment]!;
  if (members.length === 1) return run.debtor(members[0]!);
  return `${run.data.model.commitments[commitment]!.debtor} (${members.length})`;
}

/** What a commitment gives after a step; of several instances what each gives, where that is the same. */
export function gift(run: Run, commitment: number, step: number): string {
  const gifts = [...new Set(run.members[commitment]!.map((member) => run.promised(member, step)))];
  if (gifts.length === 1) return gifts[0]! + (run.members[commitment]!.length > 1 ? " each" : "");
  return gifts.length > 1 ? `${gifts[0]!} and other amounts` : "";
}

/** Instances grouped by commitment: `uk_troops`, `8 of 9 of partner_troops`. */
export function instancesByCommitment(run: Run, instances: number[]): string[] {
  const counts = new Map<number, number[]>();
  for (const instance of instances) {
    const commitment = run.data.model.instances[instance]![1];
    counts.set(commitment, [...(counts.get(commitment) ?? []), instance]);
  }
  return [...counts].map(([commitment, some]) => {
    const all = run.members[commitment]!.length;
    const { id } = run.data.model.commitments[commitment]!;
    if (some.length === 1 || (some.length < 4 && some.length < all)) return `${listed(some.map((one) => run.debtor(one)))} (${id})`;
    return some.length === all ? `all ${all} of ${id}` : `${some.length} of ${all} of ${id}`;
  });
}

type Phrase = (words: { who: string; whom: string; what: string; subject: string; value: string; issue: string; resource: string; bound: string }) => string;

/** Sentences for kinds of events; other kinds are described by their cells. */
const PHRASES: Record<string, Phrase> = {
  started: () => "the run begins",
  drawn: ({ subject, value }) => `${subject} is drawn: ${value}`,
  met: ({ subject }) => `meeting: ${subject}`,
  shock: ({ subject }) => `shock: ${subject}`,
  stance: ({ who, issue, value }) => `the stance of ${who}${issue} is now ${value}`,
  anchor: ({ who, issue, value }) => `the anchor of ${who}${issue} is now ${value}`,
  trust: ({ who, whom, value }) => `the trust of ${who} in ${whom} is now ${value}`,
  created: ({ who, what, whom }) => `${who} offers ${what}${whom && ` to ${whom}`}`,
  cancelled: ({ who, what }) => `${who} takes back the offer of ${what}`,
  expired: ({ who, what }) => `the offer of ${what} by ${who} lapses`,
  detached: ({ who, what, whom }) => `${who} is bound to give ${what}${whom && ` to ${whom}`}`,
  suspended: ({ who, what }) => `${who} suspends ${what}`,
  reactivated: ({ who, what }) => `${who} takes up ${what} again`,
  delivered: ({ who, value, resource }) => `${who} hands over ${value} of ${resource}`,
  withdrawn: ({ who, value, resource }) => `${who} no longer keeps up ${value} of ${resource}`,
  satisfied: ({ who, what }) => `${who} has kept the promise of ${what}`,
  violated: ({ who, what }) => `${who} breaks the promise of ${what}`,
  released: ({ who, what, whom }) => `${who} is released from ${what}${whom && ` by ${whom}`}`,
  raised: ({ who, value, resource }) => `${who} raises the promise to ${value} of ${resource}`,
  renewed: ({ who, what }) => `the promise of ${what} by ${who} is renewed`,
  moved: ({ subject, bound }) => `move ${subject}${bound && ` binds ${bound}`}`,
  agreed: ({ subject, value }) => `agreed at ${subject}: a package of ${value}`,
  failed: ({ subject, value }) => `no agreement at ${subject}: a package of ${value} was possible and failed`,
  reached: ({ subject }) => `outcome reached: ${subject}`,
  ended: ({ subject }) => `the run ends: ${subject}`,
};

/** What a move bound or raised, by commitment. */
function boundBy(run: Run, event: number): string {
  const instances = run.effects(event).map((effect) => run.instance(run.cell("subject", effect)));
  return listed(instancesByCommitment(run, [...new Set(instances.filter((one) => one !== undefined))]));
}

/** A sentence for an event. */
export function sentence(run: Run, event: number): string {
  const cell = (name: string) => run.cell(name, event);
  const instance = run.instance(cell("subject"));
  const words = {
    who: run.actorName(cell("actor")),
    whom: cell("counterpart") && run.actorName(cell("counterpart")),
    what: instance === undefined ? cell("subject") : run.gives(instance) || cell("subject"),
    subject: run.thing(cell("subject")),
    value: cell("value"),
    issue: run.data.model.issues.length > 1 && cell("issue") ? ` on ${cell("issue")}` : "",
    resource: cell("resource"),
    bound: cell("event") === "moved" ? boundBy(run, event) : "",
  };
  const phrase = PHRASES[cell("event")];
  if (phrase) return phrase(words);
  const rest = [words.who, words.subject, cell("resource"), words.value, words.whom].filter((word) => word !== "");
  return `${cell("event")}: ${rest.join(", ")}`;
}
