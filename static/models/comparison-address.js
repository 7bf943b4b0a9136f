// The comparison in the page's address: /?run=A&with=B,C shows the same to whoever opens it; with
// &in-step none of them gets far ahead.

const ID = /^[0-9a-f]{32}$/;

const IN_STEP = "in-step";

/** Runs beside the page's own, at most. */
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

/** Whether the compared runs of an address go in step. @param {string} search */
export const isInStep = (search) => new URLSearchParams(search).has(IN_STEP);

/**
 * The address with these others in it, and all else as it was.
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
 * The address that shows one of the compared runs as the page's own, the others beside it.
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
 * The run that a reader names: by its id, or by a link that has it.
 *
 * @param {string} text
 * @returns {string | null}
 */
export function idIn(text) {
  const trimmed = text.trim();
  if (ID.test(trimmed)) return trimmed;
  return /(?:[?&]run=|\/runs\/)([0-9a-f]{32})(?![0-9a-f])/.exec(trimmed)?.[1] ?? null;
}
