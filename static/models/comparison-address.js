// The comparison in the page's address: /?run=A&with=B,C shows the same to whoever opens it.

const ID = /^[0-9a-f]{32}$/;

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

/**
 * The address with these others in it, and all else as it was.
 *
 * @param {string} href
 * @param {readonly string[]} ids
 */
export function addressWith(href, ids) {
  const address = new URL(href);
  address.searchParams.delete("with");
  // Commas need no escape in a query, and the link stays readable.
  const rest = address.searchParams.toString();
  const others = ids.length === 0 ? "" : `with=${ids.join(",")}`;
  address.search = [rest, others].filter(Boolean).join("&");
  return address.href;
}

/**
 * The address that shows one of the compared runs as the page's own, the others beside it.
 *
 * @param {string} id
 * @param {readonly string[]} all
 */
export function addressOf(id, all) {
  const others = all.filter((other) => other !== id);
  return `/?run=${id}${others.length === 0 ? "" : `&with=${others.join(",")}`}`;
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
