// What the pages use of Vega, in one module: no fetching, and expressions that are interpreted, not
// compiled, so that the pages' Content-Security-Policy needs no 'unsafe-eval'.
import { Error as Errors, logger, parse, View } from "vega";
import { compile } from "vega-lite";
import { expressionInterpreter } from "vega-interpreter";

const noLoader = {
  load: () => Promise.reject(new Error("a figure holds its own data and loads nothing")),
  sanitize: () => Promise.reject(new Error("a figure links nowhere")),
  http: () => Promise.reject(new Error("a figure loads nothing")),
  file: () => Promise.reject(new Error("a figure loads nothing")),
};

/** Draw a Vega-Lite specification into an element; returns a promise of the view. */
export async function draw(element, specification, tooltip) {
  const { spec } = compile(specification, { logger: logger(Errors) });
  const view = new View(parse(spec, null, { ast: true }), {
    expr: expressionInterpreter,
    loader: noLoader,
    logLevel: Errors,
    renderer: "svg",
    container: element,
    hover: true,
  });
  if (tooltip) view.tooltip(tooltip);
  await view.runAsync();
  return view;
}
