// A result against its range, and over time. Every plot is drawn from numbers that are also on the page as text, so
// nothing depends on seeing it.

import { element, svg } from "./dom.js";
import { count, dateWords } from "./words.js";

const number = (value) => (Number.isFinite(Number(value)) && value !== null && value !== "" ? Number(value) : null);

const PLACE = { below: "below its range", within: "within its range", above: "above its range" };

/**
 * A bar with the range as a band and the value as a mark; `null` where there is no number or no range. Where the value
 * stands is the server's word: a range may leave out its own ends, which a drawing cannot tell.
 */
export function rangeBar({ value, low, high, standing }, name) {
  const [at, from, to] = [number(value), number(low), number(high)];
  if (at === null || (from === null && to === null)) return null;
  const width = (from !== null && to !== null ? to - from : Math.abs(to ?? from)) || 1;
  const start = Math.min(at, from ?? to - width) - width * 0.35;
  const end = Math.max(at, to ?? from + width) + width * 0.35;
  const x = (v) => ((v - start) / (end - start)) * 200;
  const bandStart = from === null ? 0 : x(from);
  const bandEnd = to === null ? 200 : x(to);
  return svg(
    "svg",
    {
      class: `range-bar ${standing}`,
      viewBox: "0 0 200 20",
      role: "img",
      "aria-label": `${name}: ${PLACE[standing] ?? "beside its range"}`,
    },
    svg("rect", { class: "track", x: 0, y: 7, width: 200, height: 6, rx: 3 }),
    svg("rect", { class: "band", x: bandStart, y: 7, width: Math.max(bandEnd - bandStart, 1), height: 6, rx: 3 }),
    svg("path", { class: "value", d: `M${x(at)} 2 l5 8 l-5 8 l-5 -8 z` }),
  );
}

/** All values over time as a line, with a table of the same numbers; `null` for fewer than two. */
export function trend(series, { name, unit = "", low = null, high = null }) {
  const points = (series ?? [])
    .map((point) => ({ date: point.date, time: Date.parse(point.date), value: number(point.value) }))
    .filter((point) => point.value !== null && !Number.isNaN(point.time))
    .sort((a, b) => a.time - b.time);
  if (points.length < 2) return null;
  const [first, last] = [points[0], points[points.length - 1]];
  const values = points.map((point) => point.value);
  const bounds = [...values, number(low), number(high)].filter((v) => v !== null);
  const bottom = Math.min(...bounds);
  const top = Math.max(...bounds);
  const x = (time) => 8 + ((time - first.time) / (last.time - first.time || 1)) * 284;
  const y = (value) => 72 - ((value - bottom) / (top - bottom || 1)) * 64;
  const said = (point) => `${point.value}${unit ? ` ${unit}` : ""}`;
  const band =
    number(low) !== null || number(high) !== null
      ? svg("rect", {
          class: "band",
          x: 0,
          width: 300,
          y: y(number(high) ?? top),
          height: Math.max(y(number(low) ?? bottom) - y(number(high) ?? top), 1),
        })
      : null;
  const label = `${name} over time: ${said(first)} on ${dateWords(first.date)}, ${said(last)} on ${dateWords(last.date)}, ${count(points.length, "value")}`;
  return element(
    "div",
    { class: "trend" },
    svg(
      "svg",
      { viewBox: "0 0 300 80", role: "img", "aria-label": label },
      band,
      svg("polyline", { points: points.map((point) => `${x(point.time)},${y(point.value)}`).join(" ") }),
      points.map((point) => svg("circle", { cx: x(point.time), cy: y(point.value), r: point === last ? 4.5 : 3 })),
    ),
    element(
      "p",
      { class: "trend-ends" },
      [first, last].map((point) => element("span", {}, said(point), element("br"), dateWords(point.date))),
    ),
    element(
      "details",
      {},
      element("summary", {}, `All ${points.length} values`),
      element(
        "table",
        {},
        element("caption", { class: "unseen" }, `${name} over time`),
        element(
          "thead",
          {},
          element("tr", {}, element("th", { scope: "col" }, "Date"), element("th", { scope: "col" }, "Value")),
        ),
        element(
          "tbody",
          {},
          [...points]
            .reverse()
            .map((point) =>
              element("tr", {}, element("td", {}, dateWords(point.date)), element("td", {}, said(point))),
            ),
        ),
      ),
    ),
  );
}

/** The plots of an explained result (`ResultExplanation.result`): each of its values against its range and over time. */
export function resultPlots({ lines = [], trends = [] }) {
  return lines.flatMap((line, at) => {
    const { low, high } = line.range ?? {};
    const plots = [
      rangeBar({ value: line.number, low, high, standing: line.standing }, line.name),
      trend(trends[at]?.series, { name: line.name, unit: trends[at]?.unit, low, high }),
    ].filter(Boolean);
    const caption = element("figcaption", {}, line.value ? `${line.name}: ${line.value}` : line.name);
    return plots.length === 0 ? [] : [element("figure", { class: "plots" }, caption, plots)];
  });
}
