"""Where the page's files are: in the checkout, or bundled with the installed package."""

from pathlib import Path

BUNDLED = Path(__file__).parent / "bundled"
ROOT = BUNDLED if BUNDLED.is_dir() else Path(__file__).parent.parent

TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"

# Served as /vendor/NAME, from the npm package's own file.
VENDOR = {
    name: ROOT / "node_modules" / path
    for name, path in {
        "uplot/uPlot.esm.js": "uplot/dist/uPlot.esm.js",
        "uplot/uPlot.min.css": "uplot/dist/uPlot.min.css",
        "signals-core/signals-core.mjs": "@preact/signals-core/dist/signals-core.mjs",
        "swagger-ui/swagger-ui-bundle.js": "swagger-ui-dist/swagger-ui-bundle.js",
        "swagger-ui/swagger-ui.css": "swagger-ui-dist/swagger-ui.css",
    }.items()
}
