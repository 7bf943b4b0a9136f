/**
 * What a NumPy line of an explanation takes besides `np`, as Python that defines it: `get(path)`
 * reads the bytes at an address of this server, `id` is the run's, `answer` is that of POST
 * /api/classify.
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
    name: "metadata",
    definition:
      'metadata = lambda name: json.loads((b := get(f"/api/runs/{id}/views/{name}"))[8 : 8 + int.from_bytes(b[:8], "little")])["__metadata__"]',
  },
  { name: "state", definition: 'state = json.loads(get(f"/api/runs/{id}"))' },
  { name: "series", definition: 'series = json.loads(get(f"/api/runs/{id}/series"))' },
  { name: "answer", definition: 'answer = json.loads(post("/api/classify", drawing))' },
  {
    name: "pixels",
    definition: 'pixels = np.array(answer["pixels"]).ravel() / np.float32(255)',
  },
];

/**
 * The definitions of the helpers that a line uses, one a line.
 *
 * @param {{ numpy: string }} explanation
 */
export function helpersOf({ numpy }) {
  const used = HELPERS.filter(({ name }) => new RegExp(`(?<![\\w."])${name}\\b`).test(numpy));
  return used.map(({ definition }) => definition).join("\n");
}
