"""What reports look like: a page, its style sheet for light and dark and for narrow screens, and figures for either."""

from collections.abc import Callable
from html import escape

THEMES = ("light", "dark")

CSS = """
:root { color-scheme: light dark; --ink: #1d2330; --faint: #5c6474; --line: #dfe3ea; --page: #f5f6f9; --card: #fff;
  --stripe: #f7f8fb; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e9ee; --faint: #a3abba; --line: #333a47; --page: #14171d;
  --card: #1c2028; --stripe: #212630; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 0 0 .6rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .5rem; }
header p, p, .scroll + p { color: var(--faint); margin: .3rem 0 .8rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.1rem 1.2rem; margin: 1rem 0; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .35rem 1rem; margin: 0; }
dt { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; }
code, pre { font: .85em ui-monospace, monospace; } pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .4rem 0; }
summary { cursor: pointer; color: var(--faint); }
.scroll { overflow-x: auto; margin: 0 -1.2rem; padding: 0 1.2rem; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; min-width: 100%; }
th, td { padding: .38rem .7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
thead th { color: var(--faint); font-weight: 600; vertical-align: bottom; }
tbody th, thead tr:first-child th:first-child, .name { text-align: left; }
tbody th { font-weight: 600; position: sticky; left: 0; background: var(--card); }
tbody tr:hover td, tbody tr:hover th { background: var(--stripe); }
.group { text-align: center; } .first th, .first td { border-top: 2px solid var(--line); }
small { color: var(--faint); } td small { display: block; line-height: 1.2; }
.swatch { display: inline-block; width: .65em; height: .65em; border-radius: 2px; margin-right: .45em; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); gap: 1rem;
  margin: .4rem 0 1rem; }
.wide { grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); }
figure { margin: 0; } figcaption { font-weight: 600; font-size: .9rem; margin-bottom: .2rem; overflow-wrap: anywhere; }
img { width: 100%; max-width: 700px; height: auto; display: block; }
ul { padding-left: 1.2rem; margin: .3rem 0; } li { overflow-wrap: anywhere; margin: .25rem 0; }
@media (max-width: 600px) { main { padding: 1rem .6rem 2rem; } section { padding: .9rem; border-radius: 8px; }
  .scroll { margin: 0 -.9rem; padding: 0 .9rem; } dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; }
  th, td { padding: .35rem .45rem; } }
"""


def page(title: str, heading: str, lead: str, body: str) -> str:
    """Return a whole page.

    Args:
        title, heading: plain text.
        lead, body: HTML.
    """
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">\n'
        f"<style>{CSS}</style></head>\n<body><main><header><h1>{escape(heading)}</h1><p>{lead}</p></header>\n"
        f"{body}\n</main></body></html>\n"
    )


def themed_image(draw: Callable[[str], str], text: str) -> str:
    """Return a figure for light and for dark pages.

    Args:
        draw: returns the figure of a theme as a data URI.
        text: what it shows, for those who do not see it.
    """
    light, dark = (draw(theme) for theme in THEMES)
    return (
        f'<picture><source srcset="{dark}" media="(prefers-color-scheme: dark)">'
        f'<img src="{light}" alt="{escape(text)}" loading="lazy"></picture>'
    )
