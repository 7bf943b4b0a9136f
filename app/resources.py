"""Where the page's files are: in the checkout, or bundled with the installed package."""

from pathlib import Path

BUNDLED = Path(__file__).parent / "bundled"
ROOT = BUNDLED if BUNDLED.is_dir() else Path(__file__).parent.parent

TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"

# The same files, smaller, as `npm run minify` makes them.
SMALL = ROOT / "build" / "page"

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


def small(path: Path) -> Path:
    """The minified form of a file, or the file itself where there is none that is as new."""
    found = SMALL / path.relative_to(ROOT)
    is_new = found.is_file() and found.stat().st_mtime >= path.stat().st_mtime
    return found if is_new else path
