/**
 * What a NumPy line of an explanation takes besides `np`, as Python that defines it. `get` reads the
 * bytes at an address of this server, `id` is the run's.
 *
 * @type {readonly { name: string, definition: string }[]}
 */
const HELPERS = [
  {
    name: "tensor",
    definition: 'tensor = lambda name: np.load(io.BytesIO(get(f"/api/runs/{id}/tensors/{name}")))',
  },
  {
    name: "view",
    definition: 'view = lambda name: safetensors.numpy.load(get(f"/api/runs/{id}/views/{name}"))',
  },
  { name: "state", definition: 'state = json.loads(get(f"/api/runs/{id}"))' },
  { name: "series", definition: 'series = json.loads(get(f"/api/runs/{id}/series"))' },
  { name: "pixels", definition: 'pixels = np.array(answer["pixels"]).ravel() / np.float32(255)' },
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
