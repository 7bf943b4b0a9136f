/**
 * Python definitions of the names that an explanation's NumPy line uses, so that both together run
 * anywhere. SERVER stands for this server's address, RUN for the run's id.
 *
 * @type {readonly { name: string, definition: string }[]}
 */
const HELPERS = [
  { name: "io", definition: "import io" },
  { name: "json", definition: "import json" },
  { name: "urllib", definition: "import urllib.request" },
  { name: "np", definition: "import numpy as np" },
  { name: "safetensors", definition: "import safetensors.numpy" },
  { name: "id", definition: 'id = "RUN"' },
  { name: "drawing", definition: 'drawing = open("drawing.png", "rb").read()' },
  { name: "get", definition: 'get = lambda path: urllib.request.urlopen("SERVER" + path).read()' },
  {
    name: "post",
    definition:
      'post = lambda path, body: urllib.request.urlopen(urllib.request.Request("SERVER" + path, body, {"content-type": "image/png"})).read()',
  },
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
 * The definitions of everything that a line uses, directly or indirectly, one a line.
 *
 * @param {{ numpy: string, address: string }} explanation
 * @param {string} server the server's origin
 */
export function helpersOf({ numpy, address }, server) {
  const run = /runs?[/=]([^/?\s]+)/.exec(address)?.[1] ?? "";
  let needed = numpy;
  /** @type {string[]} */
  const definitions = [];
  for (const { name, definition } of HELPERS.toReversed()) {
    if (!new RegExp(`(?<![\\w."])${name}\\b`).test(needed)) continue;
    definitions.unshift(definition);
    needed += `\n${definition}`;
  }
  return definitions.join("\n").replaceAll("SERVER", server).replace("RUN", run);
}
