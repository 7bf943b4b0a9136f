/**
 * @typedef {object} Dialogs can be opened from anywhere; each element puts its own here
 * @property {() => void} openKeys
 * @property {(unit: number) => void} openUnit
 * @property {(batch: number) => void} openBranch
 * @property {() => void} openShare
 * @property {() => void} openRace
 * @property {() => void} openRuns
 */

/**
 * @typedef {object} App what the elements of the page share
 * @property {import("../models/run.js").RunModel} run
 * @property {import("../models/rewind.js").Rewind} rewind
 * @property {import("../models/pick.js").Pick} pick
 * @property {import("../models/theme.js").ThemeModel} theme
 * @property {import("../models/painter.js").Painter} painter
 * @property {import("@preact/signals-core").ReadonlySignal<import("../draw/colours.js").Theme>} colours
 * @property {import("../models/classifier.js").Classifier} classifier
 * @property {import("../draw/drawing.js").Drawing} drawing
 * @property {import("../models/comparison.js").Comparison} comparison
 * @property {import("../models/together.js").Together} together
 * @property {import("@preact/signals-core").ReadonlySignal<string>} moment changes when a run on the page moves
 * @property {Dialogs} dialogs
 */

const REQUEST = "context-request";

/** An element dispatches this to ask for the app; the document's provider answers. */
export class ContextRequest extends Event {
  /** @param {(app: App) => void} receive */
  constructor(receive) {
    super(REQUEST, { bubbles: true });
    this.receive = receive;
  }
}

/**
 * @param {Document} document
 * @param {App} app
 */
export function provide(document, app) {
  document.addEventListener(REQUEST, (event) => {
    // Recognised by shape: tests ask too, and do not have the class.
    if ("receive" in event) /** @type {ContextRequest} */ (event).receive(app);
  });
}
