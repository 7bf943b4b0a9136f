import { legendPainter, legendText } from "../draw/legend.js";
import { Picture } from "./picture.js";
import { writeAttribute } from "./run-element.js";

/** The colour scale beside images, drawn and described in words. */
export class Legend {
  #picture;
  /** What the scale is for, from the served page. */
  #title;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#picture = new Picture(canvas, legendPainter());
    this.#title = canvas.getAttribute("aria-label");
  }

  /** Makes the next paint draw in any case: the canvas may have lost its picture. */
  invalidate() {
    this.#picture.invalidate();
  }

  /**
   * @param {{ scale: number, coding: "signed" | "unsigned" }} legend
   * @param {import("../draw/colours.js").Theme} theme
   */
  paint({ scale, coding }, theme) {
    this.#picture.paint({ scale, coding }, theme);
    const text = `${this.#title} ${legendText(scale, coding)}`;
    writeAttribute(this.#picture.canvas, "aria-label", text);
  }
}
