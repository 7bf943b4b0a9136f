"""Build hook: the page's files and the third-party scripts travel inside the wheel.

A wheel holds `app/bundled/{templates,static,build/page,node_modules}`, laid out as in the
checkout, so that the server finds them the same way in both places. The third-party files come
from `node_modules`, which `npm ci` fills as package-lock.json says, and the scripts and styles of
`build/page` from `npm run bundle`.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PAGE = ("templates", "static/icon.svg", "build/page")
THIRD_PARTY_FILES = (
    "@preact/signals-core/LICENSE",
    "swagger-ui-dist/LICENSE",
    "swagger-ui-dist/NOTICE",
    "swagger-ui-dist/swagger-ui-bundle.js",
    "swagger-ui-dist/swagger-ui.css",
    "uplot/LICENSE",
)


class WebFilesHook(BuildHookInterface[Any]):
    """Adds the page and the third-party files to a wheel or a source archive."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Map each file to its place in the archive; raise FileNotFoundError if one is missing."""
        if version == "editable":
            return
        root = Path(self.root)
        wanted = [*PAGE, *(f"node_modules/{name}" for name in THIRD_PARTY_FILES)]
        missing = [name for name in wanted if not (root / name).exists()]
        if missing:
            raise FileNotFoundError(
                f"expected these files for the package, none found: {', '.join(missing)}; "
                "run `make setup` in the checkout first"
            )
        prefix = "app/bundled/" if self.target_name == "wheel" else ""
        for name in wanted:
            build_data["force_include"][str(root / name)] = prefix + name
