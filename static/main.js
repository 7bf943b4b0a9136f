import { computed, effect } from "@preact/signals-core";
import { Drawing } from "./draw/drawing.js";
import { AlongRegion } from "./elements/along-region.js";
import { provide } from "./elements/context.js";
import { DrawRegion } from "./elements/draw-region.js";
import { HealthRegion } from "./elements/health-region.js";
import { InsideStep } from "./elements/inside-step.js";
import { KeysDialog } from "./elements/keys-dialog.js";
import { LearnDrawing } from "./elements/learn-drawing.js";
import { LoopRegion } from "./elements/loop-region.js";
import { LossRegion } from "./elements/loss-region.js";
import { MistakesRegion } from "./elements/mistakes-region.js";
import { PageHeader } from "./elements/page-header.js";
import { RateField } from "./elements/rate-field.js";
import { RunHistory } from "./elements/run-history.js";
import { RunNotice } from "./elements/run-notice.js";
import { RunProgress } from "./elements/run-progress.js";
import { RunningCode } from "./elements/running-code.js";
import { ShareDialog } from "./elements/share-dialog.js";
import { applyTheme, readColours } from "./elements/theme-colours.js";
import { TransportBar } from "./elements/transport-bar.js";
import { WeightsRegion } from "./elements/weights-region.js";
import { load, loadWhenNear } from "./late.js";
import { Classifier } from "./models/classifier.js";
import { Comparison } from "./models/comparison.js";
import { addressWith, isInStep, othersIn } from "./models/comparison-address.js";
import { momentOf } from "./models/moment.js";
import { Painter } from "./models/painter.js";
import { Pick } from "./models/pick.js";
import { Rewind } from "./models/rewind.js";
import { RunModel } from "./models/run.js";
import { ThemeModel } from "./models/theme.js";
import { Together } from "./models/together.js";
import { connect, openRun } from "./open-run.js";
import { classify, trainedNetwork } from "./protocol/api.js";
import { storage } from "./storage.js";

// A hidden page gets no animation frames, so it goes on without them.
const painter = new Painter((paint) => {
  if (document.hidden) setTimeout(paint, 0);
  else requestAnimationFrame(paint);
});
const afterPaint = (/** @type {() => void} */ callback) => painter.after(callback);
const run = new RunModel(afterPaint);
/** The frame rate of each run beside the page's own, so that the page has time for all. */
const COMPARED_FRAMES_PER_SECOND = 5;
const comparison = new Comparison(run, (id) => {
  const other = new RunModel(afterPaint, COMPARED_FRAMES_PER_SECOND);
  return { run: other, close: connect(other, id, location) };
});
const runs = () => comparison.all.value.map((compared) => compared.run);
const moment = computed(() => momentOf(runs()));
const together = new Together(runs);
const rewind = new Rewind(run);
const theme = new ThemeModel(storage, matchMedia("(prefers-color-scheme: dark)"));
const colours = computed(() => {
  applyTheme(document, theme.shown, theme.dark);
  return readColours(document);
});
const pick = new Pick();
const drawing = new Drawing();
const classifier = new Classifier({
  read: async (signal) => {
    if (classifier.progress.peek() !== null) return null; // the reader is not ready yet
    if (!drawing.readable) return null;
    /** @type {string | null} */
    let id = null;
    if (classifier.reader.peek() === "run") {
      if (run.gone.peek()) throw run.gone.peek();
      id = run.state.peek()?.id ?? null;
      if (id === null) return null; // the drawing is read once the run is open
    }
    return classify(await drawing.toPng(), id, signal);
  },
  trained: trainedNetwork,
});

run.pageVisible.value = !document.hidden;
document.addEventListener("visibilitychange", () => {
  run.pageVisible.value = !document.hidden;
});

/** @param {boolean} now */
const onPaper = (now) => {
  theme.printing.value = now;
  painter.paint(); // a printer waits for no frame
};
addEventListener("beforeprint", () => onPaper(true));
addEventListener("afterprint", () => onPaper(false));
// Some tools switch to print without firing either event.
matchMedia("print").addEventListener("change", ({ matches }) => onPaper(matches));

const notLoaded = () => {
  run.notice.value = {
    code: "not_loaded",
    message:
      "This part of the page could not be loaded: the server does not answer, or has a newer page.",
    hint: "Try again once the server is running; if it is, reload the page.",
  };
};
/**
 * Opens a dialog that is loaded when first opened; its element then replaces its entry in
 * `dialogs`.
 *
 * @param {string} name
 * @param {() => void} open
 */
const openLate = (name, open) => load(name).then(open, notLoaded);

/** @type {import("./elements/context.js").Dialogs} */
const dialogs = {
  openKeys() {},
  openShare() {},
  openUnit: (unit) => openLate("unit-dialog", () => dialogs.openUnit(unit)),
  openBranch: (batch) => openLate("branch-dialog", () => dialogs.openBranch(batch)),
  openRace: () => openLate("race-dialog", () => dialogs.openRace()),
  openRuns: () => openLate("my-runs", () => dialogs.openRuns()),
};

provide(document, {
  run,
  rewind,
  pick,
  theme,
  painter,
  colours,
  classifier,
  drawing,
  comparison,
  together,
  moment,
  dialogs,
});

openRun(run, location, history);

/** @type {[name: string, element: CustomElementConstructor][]} */
const ELEMENTS = [
  ["page-header", PageHeader],
  ["run-notice", RunNotice],
  ["transport-bar", TransportBar],
  ["rate-field", RateField],
  ["run-progress", RunProgress],
  ["loop-region", LoopRegion],
  ["running-code", RunningCode],
  ["inside-step", InsideStep],
  ["weights-region", WeightsRegion],
  ["loss-region", LossRegion],
  ["run-history", RunHistory],
  ["along-region", AlongRegion],
  ["draw-region", DrawRegion],
  ["learn-drawing", LearnDrawing],
  ["health-region", HealthRegion],
  ["mistakes-region", MistakesRegion],
  ["share-dialog", ShareDialog],
  ["keys-dialog", KeysDialog],
];
/** How long to work, in milliseconds, before letting clicks and keys have their turn. */
const TURN = 8;

let ends = 0;
for (const [name, element] of ELEMENTS) {
  if (performance.now() > ends) {
    await new Promise((resolve) => setTimeout(resolve));
    ends = performance.now() + TURN;
  }
  customElements.define(name, element);
}
document.body.inert = false;
for (const name of ["compare-region", "chain-region"]) loadWhenNear(name, notLoaded);
together.inStep.value = isInStep(location.search);
for (const id of othersIn(location.search)) comparison.add(id);
effect(() => {
  const others = comparison.others.value.map(({ id }) => id);
  const address = addressWith(location.href, others, together.inStep.value);
  if (address !== location.href) history.replaceState(null, "", address);
});
