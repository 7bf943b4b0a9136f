"""Where the page's files are: in the checkout, or bundled with the installed package."""

from pathlib import Path

BUNDLED = Path(__file__).parent / "bundled"
ROOT = BUNDLED if BUNDLED.is_dir() else Path(__file__).parent.parent

TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"

# The page's scripts and styles, as `npm run bundle` joins them.
BUILT = ROOT / "build" / "page"

# Served as /vendor/NAME, from the npm package's own file.
VENDOR = {
    name: ROOT / "node_modules" / path
    for name, path in {
        "swagger-ui/swagger-ui-bundle.js": "swagger-ui-dist/swagger-ui-bundle.js",
        "swagger-ui/swagger-ui.css": "swagger-ui-dist/swagger-ui.css",
    }.items()
}
