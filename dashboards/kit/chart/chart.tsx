/** One time series on a canvas (uPlot): line, min–max band, doubtful points; its text twin stands beside it. */
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { formatMark, formatShort, formatTime, ZONE } from '../format.ts';
import { dark, narrow } from '../state.ts';
import { language, t, word } from '../text/language.ts';
import { columns, type Gap, type Sample, type Series, scale } from './series.ts';
import './chart.css';

export interface ChartProps {
  readonly series: Series;
  /** Stretches to shade. */
  readonly gaps: readonly Gap[];
  /** ms; the x axis is what was asked for, not what came. */
  readonly from: number;
  readonly to: number;
  readonly unit: string;
  /** A coded state or counter is drawn in steps. */
  readonly stepped: boolean;
  /** Values are codes: the axis has no marks between them. */
  readonly whole: boolean;
  /** The value as its metric words it. */
  readonly format: (value: number) => string;
  /** What a screen reader says instead of the picture. */
  readonly summary: string;
  /** A range was drawn with the pointer. */
  readonly zoom: (from: number, to: number) => void;
  /** A stretch that is marked. */
  readonly marked?: Gap | null;
  /** A time was pointed at: by a click, a tap, or Enter on the point that the arrow keys are on. */
  readonly pick?: (at: number) => void;
}

const HEIGHT = 280;
/** A pointer that moved less has clicked. */
const DRAG_PX = 8;

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function axisTime(splits: number[], incr: number): string[] {
  return splits.map((second) => {
    const text = formatShort(second * 1000);
    if (incr >= 86_400) return text.slice(0, 5);
    const clock = text.slice(6);
    return clock === '00:00' ? text.slice(0, 5) : clock;
  });
}

/** Room for the longest mark, in figures of the axis's font. */
const axisWidth = (marks: readonly string[] | null): number =>
  Math.max(48, 14 + 7 * Math.max(0, ...(marks ?? []).map((mark) => mark.length)));

/** What was received, where it is not what is shown: a dashed line behind it, cut at the axis. */
function drawReceived(chart: uPlot, received: Series['received'] = []): void {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.strokeStyle = colour('--muted');
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.beginPath();
  let drawing = false;
  for (const { at, value } of received) {
    if (value !== null) {
      const x = chart.valToPos(at / 1000, 'x', true);
      const y = chart.valToPos(value, 'y', true);
      if (drawing) ctx.lineTo(x, y);
      else ctx.moveTo(x, y);
    }
    drawing = value !== null;
  }
  ctx.stroke();
  ctx.restore();
}

/** The stretch that is marked, over everything. */
function drawMarked(chart: uPlot, marked: Gap | null | undefined): void {
  if (marked === null || marked === undefined) return;
  const { ctx, bbox } = chart;
  const inside = (at: number): number =>
    Math.min(bbox.left + bbox.width, Math.max(bbox.left, chart.valToPos(at / 1000, 'x', true)));
  const left = inside(marked.from);
  const width = Math.max(2 * devicePixelRatio, inside(marked.to) - left);
  ctx.save();
  ctx.fillStyle = colour('--accent-soft');
  ctx.globalAlpha = 0.6;
  ctx.fillRect(left, bbox.top, width, bbox.height);
  ctx.globalAlpha = 1;
  ctx.fillStyle = colour('--accent');
  for (const edge of [left, left + width - 2 * devicePixelRatio])
    ctx.fillRect(edge, bbox.top, 2 * devicePixelRatio, bbox.height);
  ctx.restore();
}

/** Silence is drawn as what it is, so that nobody takes it for a lack of zoom. */
function shadeGaps(chart: uPlot, gaps: readonly Gap[]): void {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.fillStyle = colour('--gap');
  for (const gap of gaps) {
    const left = Math.max(bbox.left, chart.valToPos(gap.from / 1000, 'x', true));
    const right = Math.min(bbox.left + bbox.width, chart.valToPos(gap.to / 1000, 'x', true));
    if (right > left) ctx.fillRect(left, bbox.top, right - left, bbox.height);
  }
  ctx.restore();
}

function options(
  props: ChartProps,
  width: number,
  moved: (index: number | null) => void,
  marked: () => Gap | null | undefined,
): uPlot.Options {
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const axis = {
    font,
    stroke: colour('--muted'),
    grid: { stroke: colour('--grid'), width: 1 },
    ticks: { show: false },
  };
  const bounds = scale(props.series) ?? { low: 0, high: 1, outside: 0 };
  const accent = colour('--accent');
  const paths = props.stepped ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
  const few = props.series.samples.length < 60;
  return {
    width,
    height: HEIGHT,
    // The last mark of the time axis stands half beside it.
    padding: [12, 26, 0, 0],
    legend: { show: false },
    tzDate: (second) => uPlot.tzDate(new Date(second * 1000), ZONE),
    scales: {
      x: { time: true, range: [props.from / 1000, props.to / 1000] },
      y: { range: [bounds.low, bounds.high] },
    },
    axes: [
      {
        ...axis,
        values: (_chart, splits, _axis, _space, incr) => axisTime(splits, incr),
        space: 64,
        size: 32,
      },
      {
        ...axis,
        ...(props.whole
          ? {
              size: 72,
              incrs: [1, 2, 5, 10, 50, 100, 1000],
              values: (_chart, splits) => splits.map((value) => props.format(value)),
            }
          : {
              size: (_chart, marks) => axisWidth(marks),
              values: (_chart, splits, _axis, _space, step) =>
                splits.map((value) => formatMark(value, step)),
            }),
      },
    ],
    cursor: { points: { size: 8 }, drag: { x: true, y: false, setScale: false } },
    bands: [{ series: [3, 2], fill: colour('--accent-soft') }],
    series: [
      {},
      {
        stroke: accent,
        width: 1.75,
        points: { show: few, size: 5, fill: accent },
        ...(paths === undefined ? {} : { paths }),
      },
      { stroke: 'transparent', points: { show: false } },
      { stroke: 'transparent', points: { show: false } },
      {
        stroke: colour('--offline'),
        paths: () => null,
        points: { show: true, size: 7, width: 1.75, fill: colour('--surface') },
      },
    ],
    hooks: {
      drawClear: [
        (chart) => shadeGaps(chart, props.gaps),
        (chart) => drawReceived(chart, props.series.received),
      ],
      draw: [(chart) => drawMarked(chart, marked())],
      setCursor: [(chart) => moved(chart.cursor.idx ?? null)],
      setSelect: [
        (chart) => {
          if (chart.select.width < DRAG_PX) return;
          const from = chart.posToVal(chart.select.left, 'x') * 1000;
          props.zoom(from, chart.posToVal(chart.select.left + chart.select.width, 'x') * 1000);
        },
      ],
    },
  };
}

/** What the pointer or the arrow keys are on. */
function Readout({ sample, props }: { sample: Sample | null; props: ChartProps }) {
  if (sample === null || sample.value === null)
    return <p class="readout muted small">{narrow.value ? '' : t('chart.keys')}</p>;
  return (
    <p class="readout small" aria-live="polite">
      <span class="muted number">{formatTime(sample.at)}</span>{' '}
      <b class="number">
        {props.format(sample.value)} {props.unit}
      </b>{' '}
      {sample.min !== null && sample.max !== null && (
        <span class="muted number">
          {props.format(sample.min)} – {props.format(sample.max)}
        </span>
      )}
      {sample.quality !== 'good' && <span class="quality">{word('quality', sample.quality)}</span>}
      {sample.lane === 'backfill' && <span class="tag">{word('lane', 'backfill')}</span>}
    </p>
  );
}

/** The chart. Arrow keys move from point to point. */
export function Chart(props: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const drawn = columns(props.series);
  const isDark = dark.value;
  const spoken = language.value;
  const gapsKey = props.gaps.map((gap) => `${gap.from}-${gap.to}`).join(' ');

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const made = new uPlot(
      options(
        { ...props, zoom: (from, to) => latest.current.zoom(from, to) },
        element.clientWidth,
        setAt,
        () => latest.current.marked,
      ),
      [drawn.x, drawn.line, drawn.low, drawn.high, drawn.doubtful] as uPlot.AlignedData,
      element,
    );
    chart.current = made;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0) made.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [props.series, gapsKey, props.from, props.to, isDark, spoken]);

  useEffect(() => chart.current?.redraw(false, false), [props.marked?.from, props.marked?.to]);

  /** A click that is no end of a drag. */
  function point(event: MouseEvent): void {
    const made = chart.current;
    if (props.pick === undefined || made === null || made.select.width >= DRAG_PX) return;
    const left = event.clientX - made.over.getBoundingClientRect().left;
    if (left >= 0 && left <= made.over.clientWidth) props.pick(made.posToVal(left, 'x') * 1000);
  }

  function step(event: KeyboardEvent): void {
    const here = at === null ? undefined : drawn.x[at];
    if (event.key === 'Enter' && props.pick !== undefined && here !== undefined) {
      event.preventDefault();
      props.pick(here * 1000);
      return;
    }
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    const made = chart.current;
    if (by === 0 || made === null || drawn.x.length === 0) return;
    event.preventDefault();
    let next = at === null ? (by > 0 ? 0 : drawn.x.length - 1) : at + by;
    if (drawn.sample[next] === -1) next += by;
    next = Math.max(0, Math.min(drawn.x.length - 1, next));
    made.setCursor({ left: made.valToPos(drawn.x[next] ?? 0, 'x'), top: HEIGHT / 2 });
    setAt(next);
  }

  const index = at === null ? -1 : (drawn.sample[at] ?? -1);
  return (
    <div class="chart">
      <Readout sample={props.series.samples[index] ?? null} props={props} />
      <div
        ref={host}
        class="chart-host"
        role="img"
        aria-label={props.summary}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys step through the points of the picture
        tabIndex={0}
        onKeyDown={step}
        onClick={point}
      />
    </div>
  );
}
