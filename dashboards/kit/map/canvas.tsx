/** A map by coordinates: moved and zoomed by pointer, fingers and keys. Data in, events out. */
import type { RefObject } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { dark } from '../state.ts';
import { language, say } from '../text/language.ts';
import { Icon } from '../ui/icon.tsx';
import { type Colours, coloursNow, draw, labelsOf, type MapLabel } from './draw.ts';
import {
  type Bounds,
  type Cluster,
  clusterAt,
  fitView,
  type MapPoints,
  narrowing,
  union,
  type View,
} from './points.ts';
import { boundsOfShapes, type MapShape, shapeAt } from './shapes.ts';
import { t } from './texts.ts';
import './canvas.css';

export interface MapCanvasProps {
  /** What a screen reader says instead of the picture. */
  readonly summary: string;
  readonly points: MapPoints;
  /** Another number after each change of the points. */
  readonly revision: number;
  /** Polygons, those above before those below. */
  readonly shapes: readonly MapShape[];
  /** Names on the ground besides those of the polygons, the more important first. */
  readonly labels: readonly MapLabel[];
  /** A custom property with the colour of an area's ground; empty for none. */
  readonly fill: (code: string) => string;
  /** The device that is marked, and brought into the picture when it is another. */
  readonly marked: string | null;
  readonly onDevice: (id: string) => void;
  readonly onArea: (code: string) => void;
  /** Devices that lie in one place and can't be told apart by zooming. */
  readonly onSeveral: (ids: readonly string[]) => void;
}

/** Pixels of a degree: from the whole country to a yard. */
const SCALE = [20, 20_000_000] as const;
/** From here on names of villages have room. */
const VILLAGES_FROM = 4_000;
/** A pointer that moved less has clicked. */
const CLICK_PX = 6;
const STEP = 1.6;
const PAN_PX = 80;
/** Degrees within which devices are in one place: about ten metres. */
const SAME_PLACE = 1e-4;

interface Size {
  readonly width: number;
  readonly height: number;
}

const clampScale = (scale: number): number => Math.min(SCALE[1], Math.max(SCALE[0], scale));

/** Zoomed so that what is at a place of the picture stays there. */
function zoomed(view: View, factor: number, x: number, y: number, { width, height }: Size): View {
  const scale = clampScale(view.scale * factor);
  const [dx, dy] = [x - width / 2, y - height / 2];
  const narrow = narrowing(view.latitude);
  return {
    longitude: view.longitude + (dx / narrow) * (1 / view.scale - 1 / scale),
    latitude: view.latitude - dy * (1 / view.scale - 1 / scale),
    scale,
  };
}

function moved(view: View, dx: number, dy: number): View {
  return {
    ...view,
    longitude: view.longitude - dx / (narrowing(view.latitude) * view.scale),
    latitude: Math.max(-85, Math.min(85, view.latitude + dy / view.scale)),
  };
}

function useSize(host: RefObject<HTMLElement>): Size | null {
  const [size, setSize] = useState<Size | null>(null);
  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const observer = new ResizeObserver(() =>
      setSize({ width: element.clientWidth, height: element.clientHeight }),
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return size === null || size.width === 0 || size.height === 0 ? null : size;
}

/** Pointers that are down, and what their moving does to the view. */
class Gesture {
  readonly #down = new Map<number, { x: number; y: number }>();
  travelled = 0;

  begin(id: number, x: number, y: number): void {
    if (this.#down.size === 0) this.travelled = 0;
    this.#down.set(id, { x, y });
  }

  end(id: number): boolean {
    return this.#down.delete(id) && this.#down.size === 0 && this.travelled < CLICK_PX;
  }

  move(id: number, x: number, y: number, view: View, size: Size): View | null {
    const before = this.#down.get(id);
    if (before === undefined) return null;
    const [dx, dy] = [x - before.x, y - before.y];
    this.travelled += Math.hypot(dx, dy);
    this.#down.set(id, { x, y });
    const other = [...this.#down].find(([one]) => one !== id)?.[1];
    if (other === undefined) return moved(view, dx, dy);
    // Two fingers: what is between them stays between them.
    const was = Math.hypot(before.x - other.x, before.y - other.y);
    const is = Math.hypot(x - other.x, y - other.y);
    const [mx, my] = [(x + other.x) / 2, (y + other.y) / 2];
    return zoomed(moved(view, dx / 2, dy / 2), was === 0 ? 1 : is / was, mx, my, size);
  }
}

/** All there is to show. */
const groundOf = ({ points, shapes }: MapCanvasProps): Bounds | undefined =>
  union(boundsOfShapes(shapes), points.bounds());

/** Clusters and their picture, anew with each change and at most once a frame. */
function usePicture(
  canvas: RefObject<HTMLCanvasElement>,
  props: MapCanvasProps,
  size: Size | null,
  view: View | null,
): RefObject<readonly Cluster[]> {
  const clusters = useRef<readonly Cluster[]>([]);
  const isDark = dark.value;
  const spoken = language.value;
  const colours = useMemo<Colours>(() => coloursNow(), [isDark, spoken]);
  const names = useMemo(
    () => labelsOf(props.shapes, ({ name }) => say(name)),
    [props.shapes, spoken],
  );
  useEffect(() => {
    const element = canvas.current;
    if (element === null || size === null || view === null) return;
    const frame = requestAnimationFrame(() => {
      const { points, shapes, fill, labels } = props;
      clusters.current = points.clusters(view, size.width, size.height);
      const marked = points.items[points.indexOf(props.marked)] ?? null;
      const picture = { ...size, view, shapes, fill, marked, clusters: clusters.current };
      const more = view.scale < VILLAGES_FROM ? [] : labels;
      draw(element, { ...picture, labels: [...names, ...more] }, colours);
    });
    return () => cancelAnimationFrame(frame);
  }, [
    props.revision,
    props.shapes,
    props.labels,
    props.fill,
    props.marked,
    size,
    view,
    colours,
    names,
  ]);
  return clusters;
}

/** The wheel zooms. Only a listener that says so may keep the page from scrolling. */
function useWheel(
  canvas: RefObject<HTMLCanvasElement>,
  zoomAt: (factor: number, x: number, y: number) => void,
): void {
  const latest = useRef(zoomAt);
  latest.current = zoomAt;
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const wheel = (event: WheelEvent): void => {
      event.preventDefault();
      const factor = Math.exp(-Math.max(-200, Math.min(200, event.deltaY)) / 300);
      latest.current(factor, event.offsetX, event.offsetY);
    };
    element.addEventListener('wheel', wheel, { passive: false });
    return () => element.removeEventListener('wheel', wheel);
  }, []);
}

/** What is shown: all there is, also what comes later, until somebody moves the map or marks a device. */
function useView(props: MapCanvasProps, size: Size | null) {
  const [own, setOwn] = useState<View | null>(null);
  const ground = useMemo(
    () => groundOf(props),
    [props.shapes, props.points, own === null ? props.revision : 0],
  );
  const fitted = useMemo(
    () => (size === null || ground === undefined ? null : fitView(ground, size.width, size.height)),
    [ground, size],
  );
  const view = own ?? fitted;
  const known = props.points.indexOf(props.marked) >= 0;
  useEffect(() => {
    const point = props.points.items[props.points.indexOf(props.marked)];
    if (point === undefined) return;
    const { longitude, latitude } = point;
    setOwn((before) => {
      const scale = Math.max(before?.scale ?? 0, 2 * VILLAGES_FROM);
      return { longitude, latitude, scale };
    });
  }, [props.marked, known]);
  return { view, setOwn };
}

/** What was pressed at a place of the picture. */
function pressed(
  props: MapCanvasProps,
  { view, size, clusters }: { view: View; size: Size; clusters: readonly Cluster[] },
  x: number,
  y: number,
): View | null {
  const cluster = clusterAt(clusters, x, y);
  const first = cluster === undefined ? undefined : props.points.items[cluster.first];
  if (cluster === undefined || first === undefined) {
    const [dx, dy] = [x - size.width / 2, y - size.height / 2];
    const longitude = view.longitude + dx / (narrowing(view.latitude) * view.scale);
    const found = shapeAt(props.shapes, longitude, view.latitude - dy / view.scale);
    if (found !== undefined) props.onArea(found.code);
    return null;
  }
  if (cluster.count === 1) {
    props.onDevice(first.id);
    return null;
  }
  const here = props.points.near(first, SAME_PLACE);
  if (here.length < cluster.count) return zoomed(view, 2.5, cluster.x, cluster.y, size);
  props.onSeveral(here);
  return null;
}

/** How far an arrow key moves the ground. */
const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [PAN_PX, 0],
  ArrowRight: [-PAN_PX, 0],
  ArrowUp: [0, PAN_PX],
  ArrowDown: [0, -PAN_PX],
};

function MapButtons({ zoom, fit }: { zoom: (factor: number) => void; fit: () => void }) {
  const buttons = [
    ['zoom-in', 'M12 5v14M5 12h14', () => zoom(STEP)],
    ['zoom-out', 'M5 12h14', () => zoom(1 / STEP)],
    ['fit', 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5', fit],
  ] as const;
  return (
    <div class="map-buttons">
      {buttons.map(([key, icon, press]) => (
        <button key={key} type="button" class="button" title={t(key)} onClick={press}>
          <Icon name={icon} />
          <span class="hidden">{t(key)}</span>
        </button>
      ))}
    </div>
  );
}

/** The map, with its buttons. */
export function MapCanvas(props: MapCanvasProps) {
  const host = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const gesture = useRef(new Gesture());
  const size = useSize(host);
  const { view, setOwn } = useView(props, size);
  const clusters = usePicture(canvas, props, size, view);
  const zoomAt = (factor: number, x: number, y: number): void => {
    if (view !== null && size !== null) setOwn(zoomed(view, factor, x, y, size));
  };
  const zoom = (factor: number): void => {
    if (size !== null) zoomAt(factor, size.width / 2, size.height / 2);
  };
  useWheel(canvas, zoomAt);

  function key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || view === null) return;
    const pan = ARROWS[event.key];
    if (pan !== undefined) setOwn(moved(view, pan[0], pan[1]));
    else if (event.key === '+' || event.key === '=') zoom(STEP);
    else if (event.key === '-') zoom(1 / STEP);
    else if (event.key === '0') setOwn(null);
    else return;
    event.preventDefault();
  }

  return (
    <div class="map-host" ref={host}>
      <canvas
        ref={canvas}
        class="map-canvas"
        role="img"
        aria-label={props.summary}
        tabIndex={0}
        onKeyDown={key}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          gesture.current.begin(event.pointerId, event.offsetX, event.offsetY);
        }}
        onPointerMove={(event) => {
          if (view === null || size === null) return;
          const { pointerId, offsetX, offsetY } = event;
          const next = gesture.current.move(pointerId, offsetX, offsetY, view, size);
          if (next !== null && gesture.current.travelled >= CLICK_PX) setOwn(next);
        }}
        onPointerUp={({ pointerId, offsetX, offsetY }) => {
          if (!gesture.current.end(pointerId) || view === null || size === null) return;
          const picture = { view, size, clusters: clusters.current ?? [] };
          const next = pressed(props, picture, offsetX, offsetY);
          if (next !== null) setOwn(next);
        }}
        onPointerCancel={(event) => gesture.current.end(event.pointerId)}
      />
      <MapButtons zoom={zoom} fit={() => setOwn(null)} />
    </div>
  );
}

/** What must stand beside a map: the number under which its borders were approved, or that there are none. */
export function MapNote({ shapes, reviews }: { shapes: number; reviews: readonly string[] }) {
  if (shapes === 0) return <p class="map-note small muted">{t('positions')}</p>;
  const given = reviews.filter((review) => review !== '');
  return (
    <p class="map-note small muted">
      {given.length === 0
        ? t('no-review')
        : t('review-number', { number: [...new Set(given)].join('、') })}
    </p>
  );
}

export const summaryOf = (name: string, devices: number): string =>
  t('map-of', { name, n: devices });
