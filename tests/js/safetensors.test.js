import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { FrameAssembler } from "../../static/protocol/frames.js";
import { readSafetensors, SafetensorsError } from "../../static/protocol/safetensors.js";

/**
 * The fixture was written by safetensors.numpy.save with, in this order: series.loss float64
 * [2.5, 1.25, 0.625], codes uint8 (2, 5) 0..9, floats float32 [[1, 2], [3, 4.5]], counts uint32
 * [7, 4294967295], label int64 [-3], empty float64 (0, 3).
 */
function fixture() {
  const bytes = readFileSync(new URL("fixture.safetensors", import.meta.url));
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

/**
 * @param {object} header
 * @param {Uint8Array} [data]
 */
function file(header, data = new Uint8Array()) {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes.buffer;
}

describe("readSafetensors", () => {
  it("reads what the safetensors library wrote", () => {
    const { metadata, tensors } = readSafetensors(fixture());
    assert.deepEqual({ ...metadata }, { frame: "17", view: "series", units: "[3, 5]" });
    assert.deepEqual([...(tensors.get("series.loss")?.data ?? [])], [2.5, 1.25, 0.625]);
    assert.deepEqual(tensors.get("codes")?.shape, [2, 5]);
    assert.deepEqual([...(tensors.get("codes")?.data ?? [])], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.ok(tensors.get("floats")?.data instanceof Float32Array);
    assert.deepEqual([...(tensors.get("floats")?.data ?? [])], [1, 2, 3, 4.5]);
    assert.deepEqual([...(tensors.get("counts")?.data ?? [])], [7, 4294967295]);
    assert.deepEqual([...(tensors.get("label")?.data ?? [])], [-3n]);
    assert.deepEqual(tensors.get("empty")?.shape, [0, 3]);
    assert.equal(tensors.get("empty")?.data.length, 0);
  });

  it("reads arrays that are not aligned", () => {
    const values = new Uint8Array(new Float64Array([0.5]).buffer);
    for (const name of ["a", "ab", "abc", "abcd"]) {
      const buffer = file({ [name]: { dtype: "F64", shape: [1], data_offsets: [0, 8] } }, values);
      assert.deepEqual([...(readSafetensors(buffer).tensors.get(name)?.data ?? [])], [0.5]);
    }
  });

  it("has no metadata where the file has none", () => {
    assert.deepEqual(readSafetensors(file({})).metadata, {});
  });

  it("says what is wrong with a file cut short", () => {
    const whole = fixture();
    assert.throws(() => readSafetensors(whole.slice(0, 5)), /at least 8 bytes, got 5/);
    assert.throws(() => readSafetensors(whole.slice(0, 40)), /header of \d+ bytes, got 32/);
    assert.throws(() => readSafetensors(whole.slice(0, whole.byteLength - 1)), SafetensorsError);
  });

  it("refuses what is not a safetensors file", () => {
    const text = new TextEncoder().encode("\u0004\0\0\0\0\0\0\0oops").buffer;
    assert.throws(() => readSafetensors(text), /expected a JSON header/);
  });

  it("refuses a dtype it does not know, and a shape that does not fit", () => {
    const unknown = file({ x: { dtype: "Q7", shape: [1], data_offsets: [0, 1] } });
    assert.throws(() => readSafetensors(unknown), /tensor x: expected one of F64.*got dtype Q7/);
    const short = file(
      { x: { dtype: "F32", shape: [3], data_offsets: [0, 4] } },
      new Uint8Array(4),
    );
    assert.throws(() => readSafetensors(short), /expected 12 bytes for shape \[3\]/);
  });
});

describe("FrameAssembler", () => {
  /**
   * @param {number} frame
   * @param {string} view
   */
  const message = (frame, view) =>
    file({ __metadata__: { frame: String(frame), view, state: '{"batch": 3}' } });

  it("gives a frame when its series has come", () => {
    const assembler = new FrameAssembler();
    assert.equal(assembler.add(message(1, "loop")), null);
    assert.equal(assembler.add(message(1, "layer1.weights")), null);
    const frame = assembler.add(message(1, "series"));
    assert.equal(frame?.frame, 1);
    assert.deepEqual([...(frame?.views.keys() ?? [])], ["loop", "layer1.weights"]);
    assert.equal(frame?.state.batch, 3);
  });

  it("does not carry views of one frame into the next", () => {
    const assembler = new FrameAssembler();
    assembler.add(message(1, "loop"));
    const frame = assembler.add(message(2, "series"));
    assert.equal(frame?.frame, 2);
    assert.equal(frame?.views.size, 0);
  });
});
