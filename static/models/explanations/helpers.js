/**
 * What a NumPy line of an explanation takes besides `np`, as Python that defines it: `get(path)`
 * reads the bytes at an address of this server and `post(path, body)` the answer to a body, `id` is
 * the run's, `drawing` the PNG that was sent.
 *
 * @type {readonly { name: string, definition: string }[]}
 */
const HELPERS = [
  {
    name: "tensor",
    definition: 'tensor = lambda name: np.load(io.BytesIO(get(f"/api/runs/{id}/tensors/{name}")))',
  },
  {
    name: "tensor_at",
    definition:
      'tensor_at = lambda name, batch: np.load(io.BytesIO(get(f"/api/runs/{id}/tensors/{name}?batch={batch}")))',
  },
  {
    name: "view",
    definition: 'view = lambda name: safetensors.numpy.load(get(f"/api/runs/{id}/views/{name}"))',
  },
  {
    name: "view_of",
    definition:
      'view_of = lambda run, name: safetensors.numpy.load(get(f"/api/runs/{run}/views/{name}"))',
  },
  {
    name: "metadata",
    definition:
      'metadata = lambda name: json.loads((b := get(f"/api/runs/{id}/views/{name}"))[8 : 8 + int.from_bytes(b[:8], "little")])["__metadata__"]',
  },
  { name: "state", definition: 'state = json.loads(get(f"/api/runs/{id}"))' },
  {
    name: "state_of",
    definition: 'state_of = lambda run: json.loads(get(f"/api/runs/{run}"))',
  },
  { name: "series", definition: 'series = json.loads(get(f"/api/runs/{id}/series"))' },
  { name: "reading", definition: 'reading = json.loads(post("/api/classify", drawing))' },
  { name: "answer", definition: 'answer = json.loads(post(f"/api/classify?run={id}", drawing))' },
  {
    name: "pixels",
    definition: 'pixels = np.array(answer["pixels"]).ravel() / np.float32(255)',
  },
];

/**
 * The definitions of the helpers that a line uses, and those that these use, one a line.
 *
 * @param {{ numpy: string }} explanation
 */
export function helpersOf({ numpy }) {
  let needed = numpy;
  /** @type {string[]} */
  const definitions = [];
  for (const { name, definition } of HELPERS.toReversed()) {
    if (!new RegExp(`(?<![\\w."])${name}\\b`).test(needed)) continue;
    definitions.unshift(definition);
    needed += `\n${definition}`;
  }
  return definitions.join("\n");
}
