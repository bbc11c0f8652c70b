/** Draws a map on a canvas: areas, their names, devices and clusters of them. */
import { STATES } from '../api/answers.ts';
import { type Cluster, narrowing, radiusOf, type View } from './points.ts';
import { type MapShape, middleOf } from './shapes.ts';

/** A name on the ground. */
export interface MapLabel {
  readonly text: string;
  readonly longitude: number;
  readonly latitude: number;
}

export interface Picture {
  readonly view: View;
  readonly width: number;
  readonly height: number;
  readonly shapes: readonly MapShape[];
  /** Colour of an area's ground by its code; the page's own where there is none. */
  readonly fill: (code: string) => string;
  readonly labels: readonly MapLabel[];
  readonly clusters: readonly Cluster[];
  /** Index of a device that is marked. */
  readonly marked: { readonly longitude: number; readonly latitude: number } | null;
}

/** The theme's colours, read once for a picture. */
export interface Colours {
  readonly of: (name: string) => string;
  readonly font: string;
}

export function coloursNow(): Colours {
  const style = getComputedStyle(document.documentElement);
  const known = new Map<string, string>();
  return {
    of: (name) => {
      const found = known.get(name) ?? style.getPropertyValue(name).trim();
      known.set(name, found);
      return found;
    },
    font: getComputedStyle(document.body).fontFamily,
  };
}

type Context = CanvasRenderingContext2D;

/** Pixels of a position. */
export function placeOf(
  { view, width, height }: Pick<Picture, 'view' | 'width' | 'height'>,
  longitude: number,
  latitude: number,
): readonly [number, number] {
  const x = (longitude - view.longitude) * narrowing(view.latitude) * view.scale + width / 2;
  return [x, (view.latitude - latitude) * view.scale + height / 2];
}

function drawShapes(context: Context, picture: Picture, colours: Colours): void {
  context.lineJoin = 'round';
  for (const shape of picture.shapes) {
    context.beginPath();
    for (const rings of shape.polygons)
      for (const ring of rings) {
        for (const [n, [longitude, latitude]] of ring.entries()) {
          const [x, y] = placeOf(picture, longitude, latitude);
          if (n === 0) context.moveTo(x, y);
          else context.lineTo(x, y);
        }
        context.closePath();
      }
    const fill = picture.fill(shape.code);
    if (fill !== '') {
      context.fillStyle = colours.of(fill);
      context.fill('evenodd');
    }
    context.strokeStyle = colours.of('--strong-border');
    context.lineWidth = shape.level === 'county' ? 2 : 1;
    context.stroke();
  }
}

/** Names that would lie over each other are left out, the later one. */
function drawLabels(context: Context, picture: Picture, colours: Colours): void {
  context.font = `12px ${colours.font}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.lineWidth = 3;
  context.strokeStyle = colours.of('--surface');
  context.fillStyle = colours.of('--text');
  const taken: (readonly [number, number, number])[] = [];
  for (const { text, longitude, latitude } of picture.labels) {
    const [x, y] = placeOf(picture, longitude, latitude);
    if (x < 0 || y < 0 || x > picture.width || y > picture.height) continue;
    const half = context.measureText(text).width / 2 + 4;
    if (taken.some(([tx, ty, th]) => Math.abs(tx - x) < th + half && Math.abs(ty - y) < 18))
      continue;
    taken.push([x, y, half]);
    context.strokeText(text, x, y);
    context.fillText(text, x, y);
  }
}

/** A state has a form as well as a colour. */
function drawDevice(context: Context, { x, y, states }: Cluster, colours: Colours): void {
  const state = STATES[states.findIndex((count) => count > 0)] ?? 'never';
  const size = radiusOf(1);
  context.beginPath();
  if (state === 'offline') context.rect(x - size, y - size, 2 * size, 2 * size);
  else if (state === 'late') {
    context.moveTo(x, y - size - 2);
    context.lineTo(x + size + 2, y);
    context.lineTo(x, y + size + 2);
    context.lineTo(x - size - 2, y);
    context.closePath();
  } else context.arc(x, y, size, 0, 2 * Math.PI);
  context.fillStyle = state === 'never' ? colours.of('--surface') : colours.of(`--${state}-fill`);
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = colours.of(state === 'never' ? '--never' : '--surface');
  context.stroke();
}

/** A disc with its count, and around it the shares of the states. */
function drawCluster(context: Context, cluster: Cluster, colours: Colours): void {
  const { x, y, count, states } = cluster;
  const radius = radiusOf(count);
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = colours.of('--surface');
  context.fill();
  let from = -Math.PI / 2;
  context.lineWidth = 4;
  for (const [n, some] of states.entries()) {
    if (some === 0) continue;
    const to = from + (2 * Math.PI * some) / count;
    context.beginPath();
    context.arc(x, y, radius - 2, from, to);
    context.strokeStyle = colours.of(`--${STATES[n]}-fill`);
    context.stroke();
    from = to;
  }
  context.fillStyle = colours.of('--text');
  context.font = `600 ${count > 999 ? 11 : 12}px ${colours.font}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillText(String(count), x, y + 1);
}

/** Draws all of it anew. */
export function draw(canvas: HTMLCanvasElement, picture: Picture, colours: Colours): void {
  const context = canvas.getContext('2d');
  if (context === null) return;
  const ratio = window.devicePixelRatio;
  const [wide, high] = [Math.round(picture.width * ratio), Math.round(picture.height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, picture.width, picture.height);
  drawShapes(context, picture, colours);
  for (const cluster of picture.clusters)
    if (cluster.count === 1) drawDevice(context, cluster, colours);
    else drawCluster(context, cluster, colours);
  drawLabels(context, picture, colours);
  if (picture.marked === null) return;
  const [x, y] = placeOf(picture, picture.marked.longitude, picture.marked.latitude);
  context.beginPath();
  context.arc(x, y, 14, 0, 2 * Math.PI);
  context.lineWidth = 3;
  context.strokeStyle = colours.of('--accent');
  context.stroke();
}

/** Names of areas in the middle of their polygons. */
export const labelsOf = (
  shapes: readonly MapShape[],
  say: (shape: MapShape) => string,
): MapLabel[] =>
  shapes.flatMap((shape) => {
    const middle = shape.level === 'county' && shapes.length > 1 ? undefined : middleOf(shape);
    return middle === undefined
      ? []
      : [{ text: say(shape), longitude: middle[0], latitude: middle[1] }];
  });
