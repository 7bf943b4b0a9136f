import { ofOther } from "../loop.js";
import { largestText } from "../program.js";
import { sourceNow, sourceOf } from "./source.js";

/**
 * The largest absolute value in a tensor that a line of the running code computed.
 *
 * @param {import("../../protocol/types.js").RunState} state
 * @param {{ phase: import("../../protocol/types.js").Phase, tensor: string }} of
 * @param {number | null} value
 */
export function largest(state, { phase, tensor }, value) {
  // The tensors of a step on a drawing are the present ones.
  const isOfDrawing = state.trained_apart && ofOther(state, phase) !== null;
  const source = isOfDrawing ? sourceNow(state) : sourceOf(state, phase);
  if (tensor === "loss") {
    const name = "loss.per_sample";
    return source.fromTensors(
      `loss = mean of the digits' losses = ${largestText(value)}`,
      [name],
      `${source.tensor(name)}.mean()`,
    );
  }
  return source.fromTensors(
    `the largest |value| in ${tensor} = ${largestText(value)}`,
    [tensor],
    `np.abs(${source.tensor(tensor)}).max()`,
  );
}
