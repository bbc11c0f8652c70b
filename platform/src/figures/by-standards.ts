/** Figures as a county has them: where it has put values of its own into their standard, they are judged by these, and are others. */
import { createHash } from 'node:crypto';
import type { Standard } from '../standards/standard.ts';
import type { Standards } from '../standards/standards.ts';
import { type AnyFigure, type Figure, isOfArea } from './figure.ts';

/** The version of a figure is that of its definition plus so many of these as its standard's own edition has. */
const EDITION = 1_000;
/** Editions lie below this: of a figure of an area, those of its inputs are added up, and all of it fits 32 bits. */
const EDITIONS = 200_000;

/** The version of the definition alone, as people are told it. */
export const definitionOf = ({ version }: Pick<AnyFigure, 'version'>): number => version % EDITION;

/** A number that is another when the standard says something else than before. */
function editionOf(standard: Standard<unknown>): number {
  const digest = createHash('sha256').update(JSON.stringify(standard.versions)).digest();
  return (1 + (digest.readUInt32BE(0) % (EDITIONS - 1))) * EDITION;
}

/** The same figures, in their order. What no value of the county concerns stays the very same. */
export function figuresBy(
  figures: readonly AnyFigure[],
  standards: Pick<Standards, 'find'>,
): AnyFigure[] {
  const known = new Map<AnyFigure, AnyFigure>();
  const judged = <One extends AnyFigure>(figure: One): One => {
    const { standard } = figure;
    const own = standard === undefined ? undefined : standards.find(standard.id);
    if (own === undefined || own === standard) return figure;
    return { ...figure, standard: own, version: figure.version + editionOf(own) };
  };
  const by = <One extends AnyFigure>(figure: One): One => {
    const found = known.get(figure) ?? (isOfArea(figure) ? ofArea(figure) : judged(figure));
    known.set(figure, found);
    return found as One;
  };
  const ofArea = (figure: Extract<AnyFigure, { of: 'area' }>): AnyFigure => {
    const inputs = figure.inputs.map((input) => ({ ...input, figure: by<Figure>(input.figure) }));
    const raised = inputs.reduce(
      (sum, { figure: one }, n) => sum + one.version - (figure.inputs[n]?.figure.version ?? 0),
      0,
    );
    const itself = judged(figure);
    if (raised === 0) return itself;
    const [first, ...rest] = inputs as [(typeof inputs)[number]];
    return { ...itself, version: itself.version + raised, inputs: [first, ...rest] };
  };
  return figures.map((figure) => by(figure));
}
