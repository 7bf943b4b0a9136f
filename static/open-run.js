import { addressWith, isInStep, othersIn } from "./models/comparison-address.js";
import { apiErrorOf, createRun, getRun, RequestError } from "./protocol/api.js";
import { FIRST_SPEED, set } from "./protocol/commands.js";
import { openRecipe } from "./protocol/opening.js";
import { holdsRecipe, recipeOf } from "./protocol/recipe-link.js";
import { RunSocket } from "./protocol/socket.js";

/** After this time, the network is more likely gone than the server slow. */
const ANSWER_WITHIN_MS = 8000;

/** What the page says if the server does not know a run's id. */
export const NO_SUCH_RUN = {
  code: "unknown_run",
  message: "This run does not exist, or no longer exists.",
  hint: "Its link may be incomplete, or the run was deleted or has expired.",
};

/**
 * Opens the run named in the address, or makes the run whose recipe it holds, or a new one. The
 * address then names it.
 *
 * @param {import("./models/run.js").RunModel} run
 * @param {Location} location
 * @param {History} history
 */
export async function openRun(run, location, history) {
  const query = new URLSearchParams(location.search);
  const named = (!holdsRecipe(location.hash) && query.get("run")) || null;
  try {
    const id = named ?? (await makeRun(location.hash));
    if (named === null) history.replaceState(null, "", addressOf(id, location));
    connect(run, id, location);
    if (named === null) run.do(set({ speed: FIRST_SPEED }), { speed: FIRST_SPEED });
  } catch (error) {
    run.connection.value = "gone";
    run.gone.value = apiErrorOf(error);
  }
}

/**
 * @param {string} id
 * @param {Location} location
 */
function addressOf(id, location) {
  const address = new URL(location.href);
  address.searchParams.set("run", id);
  address.hash = "";
  return addressWith(address.href, othersIn(address.search), isInStep(address.search));
}

/** @param {string} fragment of the address */
async function makeRun(fragment) {
  if (holdsRecipe(fragment)) return openRecipe(await recipeOf(fragment));
  return (await createRun()).id;
}

/**
 * Connects a model to a run of this server.
 *
 * @param {import("./models/run.js").RunModel} run
 * @param {string} id
 * @param {Location} location
 * @returns {() => void} closes the connection
 */
export function connect(run, id, location) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new RunSocket({
    url: `${scheme}//${location.host}/ws/runs/${encodeURIComponent(id)}`,
    handlers: {
      hello: (hello) => run.hello(hello),
      frame: (frame) => run.frame(frame),
      reply: (state) => run.reply(state),
      resume: () => run.missing(),
      trouble: (error) => {
        run.notice.value = error;
      },
      away: (refusal) => {
        run.refusal.value = refusal;
        run.connection.value = "away";
      },
      stillThere: () => exists(id),
      gone: () => {
        run.connection.value = "gone";
        run.gone.value = NO_SUCH_RUN;
      },
    },
  });
  const detach = run.attach(socket);
  socket.connect();
  return () => {
    detach();
    socket.close();
    run.connection.value = "gone"; // so that nothing waits for this run
  };
}

/**
 * Whether the server knows the run. True if it does not answer, since it may know it.
 *
 * @param {string} id
 */
export async function exists(id) {
  try {
    await getRun(id, AbortSignal.timeout(ANSWER_WITHIN_MS));
    return true;
  } catch (error) {
    return !(error instanceof RequestError && error.status === 404);
  }
}
