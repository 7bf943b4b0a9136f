/**
 * @typedef {Float64Array | Float32Array | BigInt64Array | Int32Array | Int16Array | Int8Array
 *   | BigUint64Array | Uint32Array | Uint16Array | Uint8Array} TensorData
 * @typedef {{ dtype: string, shape: number[], data: TensorData }} Tensor
 * @typedef {{ metadata: { [key: string]: string }, tensors: Map<string, Tensor> }} SafetensorsFile
 */

const ARRAY_TYPES = {
  F64: Float64Array,
  F32: Float32Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U64: BigUint64Array,
  U32: Uint32Array,
  U16: Uint16Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
};

const LENGTH_BYTES = 8;

export class SafetensorsError extends Error {
  /** @override */
  name = "SafetensorsError";
}

/**
 * Reads a safetensors file: an 8-byte little-endian header length, a JSON header that gives each
 * tensor's dtype, shape and byte range, then the raw arrays. The arrays are views of `buffer`
 * wherever they are aligned, and copies where they are not.
 *
 * @param {ArrayBuffer} buffer
 * @returns {SafetensorsFile}
 */
export function readSafetensors(buffer) {
  const { header, start } = readHeader(buffer);
  /** @type {Map<string, Tensor>} */
  const tensors = new Map();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    tensors.set(name, readTensor(buffer, start, name, entry));
  }
  return { metadata: header.__metadata__ ?? {}, tensors };
}

/** @param {ArrayBuffer} buffer */
function readHeader(buffer) {
  if (buffer.byteLength < LENGTH_BYTES) {
    throw new SafetensorsError(
      `expected at least ${LENGTH_BYTES} bytes, got ${buffer.byteLength}: the file is cut short`,
    );
  }
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const start = LENGTH_BYTES + length;
  if (start > buffer.byteLength) {
    throw new SafetensorsError(
      `expected a header of ${length} bytes, got ${buffer.byteLength - LENGTH_BYTES}: ` +
        "the file is cut short or is not a safetensors file",
    );
  }
  const text = new TextDecoder().decode(new Uint8Array(buffer, LENGTH_BYTES, length));
  try {
    return { header: JSON.parse(text), start };
  } catch {
    throw new SafetensorsError("expected a JSON header: this is not a safetensors file");
  }
}

/**
 * @param {ArrayBuffer} buffer
 * @param {number} start where the arrays begin
 * @param {string} name
 * @param {{ dtype: string, shape: number[], data_offsets: [number, number] }} entry
 * @returns {Tensor}
 */
function readTensor(buffer, start, name, { dtype, shape, data_offsets: [from, to] }) {
  const ArrayType = ARRAY_TYPES[/** @type {keyof typeof ARRAY_TYPES} */ (dtype)];
  if (!ArrayType) {
    throw new SafetensorsError(
      `tensor ${name}: expected one of ${Object.keys(ARRAY_TYPES).join(", ")}, got dtype ${dtype}`,
    );
  }
  const count = shape.reduce((product, size) => product * size, 1);
  const bytes = count * ArrayType.BYTES_PER_ELEMENT;
  if (to - from !== bytes || from < 0 || start + to > buffer.byteLength) {
    throw new SafetensorsError(
      `tensor ${name}: expected ${bytes} bytes for shape [${shape}], got the range ${from} to ${to} ` +
        `of ${buffer.byteLength - start} bytes`,
    );
  }
  const offset = start + from;
  const aligned = offset % ArrayType.BYTES_PER_ELEMENT === 0;
  const data = aligned
    ? new ArrayType(buffer, offset, count)
    : new ArrayType(buffer.slice(offset, offset + bytes));
  return { dtype, shape, data };
}
