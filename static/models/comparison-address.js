// The comparison in the page's address: /?run=A&with=B,C shows it to anyone who opens the link.
// With &in-step, no run gets far ahead of the others.

const ID = /^[0-9a-f]{32}$/;

const IN_STEP = "in-step";

/** At most this many runs stand beside the page's own. */
export const MOST_OTHERS = 3;

/**
 * The ids that an address names beside its own run, each once.
 *
 * @param {string} search "?run=A&with=B,C"
 */
export function othersIn(search) {
  const query = new URLSearchParams(search);
  const named = (query.get("with") ?? "").split(",").filter((id) => ID.test(id));
  return [...new Set(named)].filter((id) => id !== query.get("run")).slice(0, MOST_OTHERS);
}

/** Whether an address's compared runs go in step. @param {string} search */
export const isInStep = (search) => new URLSearchParams(search).has(IN_STEP);

/**
 * The address with these other runs in it, and the rest unchanged.
 *
 * @param {string} href
 * @param {readonly string[]} ids
 * @param {boolean} inStep
 */
export function addressWith(href, ids, inStep) {
  const address = new URL(href);
  for (const name of ["with", IN_STEP]) address.searchParams.delete(name);
  address.search = [address.searchParams.toString(), ...queryOf(ids, inStep)]
    .filter(Boolean)
    .join("&");
  return address.href;
}

/**
 * The address of a page that has this compared run as its own, and the others beside it.
 *
 * @param {string} id
 * @param {readonly string[]} all
 * @param {boolean} inStep
 */
export function addressOf(id, all, inStep) {
  const others = all.filter((other) => other !== id);
  return `/?${[`run=${id}`, ...queryOf(others, inStep)].join("&")}`;
}

/**
 * @param {readonly string[]} others
 * @param {boolean} inStep
 */
function queryOf(others, inStep) {
  if (others.length === 0) return [];
  // Commas need no escape in a query, and the link stays readable.
  const query = [`with=${others.join(",")}`];
  return inStep ? [...query, IN_STEP] : query;
}

/**
 * The id of the run that a reader names, by its id or by a link.
 *
 * @param {string} text
 * @returns {string | null}
 */
export function idIn(text) {
  const trimmed = text.trim();
  if (ID.test(trimmed)) return trimmed;
  return /(?:[?&]run=|\/runs\/)([0-9a-f]{32})(?![0-9a-f])/.exec(trimmed)?.[1] ?? null;
}
