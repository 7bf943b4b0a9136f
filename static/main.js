import { computed } from "@preact/signals-core";
import { Drawing } from "./draw/drawing.js";
import { AlongRegion } from "./elements/along-region.js";
import { BranchDialog } from "./elements/branch-dialog.js";
import { ChainRegion } from "./elements/chain-region.js";
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
import { RunHistory } from "./elements/run-history.js";
import { RunNotice } from "./elements/run-notice.js";
import { RunProgress } from "./elements/run-progress.js";
import { RunningCode } from "./elements/running-code.js";
import { ShareDialog } from "./elements/share-dialog.js";
import { applyTheme, readColours } from "./elements/theme-colours.js";
import { TransportBar } from "./elements/transport-bar.js";
import { UnitDialog } from "./elements/unit-dialog.js";
import { WeightsRegion } from "./elements/weights-region.js";
import { Classifier } from "./models/classifier.js";
import { Painter } from "./models/painter.js";
import { Pick } from "./models/pick.js";
import { Rewind } from "./models/rewind.js";
import { RunModel } from "./models/run.js";
import { ThemeModel } from "./models/theme.js";
import { openRun } from "./open-run.js";
import { classify } from "./protocol/api.js";

// A hidden page gets no animation frames, and nothing to draw: it goes on without them.
const painter = new Painter((paint) => {
  if (document.hidden) setTimeout(paint, 0);
  else requestAnimationFrame(paint);
});
const run = new RunModel((callback) => painter.after(callback));
const rewind = new Rewind(run);
const theme = new ThemeModel(localStorage, matchMedia("(prefers-color-scheme: dark)"));
const colours = computed(() => {
  applyTheme(document, theme.choice, theme.dark);
  return readColours(document);
});
const pick = new Pick();
const drawing = new Drawing();
const classifier = new Classifier({
  read: async (signal) => {
    if (classifier.progress.peek() !== null) return null; // the reader is not ready yet
    const id = classifier.reader.peek() === "run" ? (run.state.peek()?.id ?? null) : null;
    return drawing.readable ? classify(await drawing.toPng(), id, signal) : null;
  },
});

run.pageVisible.value = !document.hidden;
document.addEventListener("visibilitychange", () => {
  run.pageVisible.value = !document.hidden;
});

provide(document, {
  run,
  rewind,
  pick,
  theme,
  painter,
  colours,
  classifier,
  drawing,
  dialogs: { openKeys() {}, openUnit() {}, openBranch() {}, openShare() {} },
});

customElements.define("page-header", PageHeader);
customElements.define("run-notice", RunNotice);
customElements.define("transport-bar", TransportBar);
customElements.define("run-progress", RunProgress);
customElements.define("loop-region", LoopRegion);
customElements.define("running-code", RunningCode);
customElements.define("inside-step", InsideStep);
customElements.define("weights-region", WeightsRegion);
customElements.define("loss-region", LossRegion);
customElements.define("run-history", RunHistory);
customElements.define("along-region", AlongRegion);
customElements.define("draw-region", DrawRegion);
customElements.define("learn-drawing", LearnDrawing);
customElements.define("health-region", HealthRegion);
customElements.define("mistakes-region", MistakesRegion);
customElements.define("chain-region", ChainRegion);
customElements.define("unit-dialog", UnitDialog);
customElements.define("branch-dialog", BranchDialog);
customElements.define("share-dialog", ShareDialog);
customElements.define("keys-dialog", KeysDialog);

openRun(run, location, history);
