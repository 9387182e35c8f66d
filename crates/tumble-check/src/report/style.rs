//! The style sheet of the page, for light and dark color schemes, for wide and narrow screens.

/// The style sheet. The colors of figures are variables, so that they follow the color scheme.
pub const CSS: &str = "
:root { --page: #fbfbf9; --card: #ffffff; --ink: #1d2327; --soft: #5d6770; --grid: #dfe3e6; --line: #c9d0d5;
  --a: #1769aa; --b: #c2570c; --warm: #c8321f; --cold: #1f5fc8; }
@media (prefers-color-scheme: dark) {
  :root { --page: #14181b; --card: #1c2226; --ink: #e6eaed; --soft: #9aa6af; --grid: #2d353b; --line: #3c464d;
    --a: #6db7f2; --b: #f5a35c; --warm: #ff7a66; --cold: #6fa4ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); line-height: 1.55;
  font-family: system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: clamp(1.5rem, 5vw, 2.2rem); line-height: 1.2; margin: 0 0 .8rem; text-wrap: balance; }
h1 em { font-style: normal; color: var(--a); overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 0 0 .8rem; }
p { margin: 0 0 1rem; max-width: 46rem; }
.kind { color: var(--soft); letter-spacing: .06em; font-size: .85rem; margin: 0 0 .3rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1.2rem;
  margin: 1.2rem 0; }
@media (max-width: 30rem) { main { padding: 1.2rem .6rem 3rem; } section { padding: 1rem .8rem; } }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .8rem; }
.number { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .8rem 1rem;
  color: var(--soft); }
.number b { font-size: 1.6rem; color: var(--ink); font-weight: 600; }
.number span { display: block; font-size: .85rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem; }
figure { margin: 0; min-width: 0; }
figcaption { color: var(--soft); font-size: .85rem; }
svg { display: block; width: 100%; height: auto; color: var(--ink); }
svg text { font-family: inherit; }
svg.map rect { shape-rendering: crispEdges; }
.table { overflow-x: auto; margin: .8rem 0; -webkit-overflow-scrolling: touch; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; min-width: 100%; }
th { font-weight: 600; color: var(--soft); text-align: right; vertical-align: bottom; }
th, td { padding: .3rem .55rem; border-bottom: 1px solid var(--grid); white-space: nowrap; }
td { text-align: right; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
tr.best td { font-weight: 600; color: var(--a); }
table.card { min-width: 0; }
table.card td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
table.card td:first-child { white-space: nowrap; color: var(--soft); vertical-align: top; }
pre { overflow-x: auto; background: var(--page); border: 1px solid var(--grid); border-radius: .4rem;
  padding: .8rem 1rem; margin: 0 0 1rem; font-size: .88rem; }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.note { border-left: .25rem solid var(--b); padding-left: .8rem; }
.legend { color: var(--soft); font-size: .85rem; margin: .6rem 0; }
.legend i { display: inline-block; width: .75rem; height: .75rem; border-radius: 50%; margin: 0 .2rem 0 .8rem; }
.legend i:first-child { margin-left: 0; }
.legend i.a { background: var(--a); }
.legend i.b { background: var(--b); }
.scale { display: flex; align-items: center; gap: .6rem; color: var(--soft); font-size: .85rem; margin-top: .6rem; }
.scale i { flex: 0 1 16rem; height: .8rem; border-radius: .2rem;
  background: linear-gradient(to right, var(--cold), transparent, var(--warm)); border: 1px solid var(--line); }
";
