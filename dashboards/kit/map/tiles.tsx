/** The areas below one as tiles of a schematic map: one thing is coloured at a time, and what is good is quiet. */
import type { DeviceState } from '@village/core';
import type { AreaRef, Counts } from '../api/answers.ts';
import { STATES } from '../api/answers.ts';
import { CountsBar, totalOf } from '../devices/marks.tsx';
import { formatCount } from '../format.ts';
import { say } from '../text/language.ts';
import { layoutOf } from './layout.ts';
import { t } from './texts.ts';
import './tiles.css';

/** An area and its devices. */
export interface TileArea extends AreaRef {
  readonly counts: Counts;
}

/** What the colours tell. */
export const THEMES = ['offline', 'late', 'online'] as const satisfies readonly DeviceState[];
export type TileTheme = (typeof THEMES)[number];

export interface TileMapProps {
  readonly areas: readonly TileArea[];
  readonly theme: TileTheme;
  /** Where a tile leads. */
  readonly href: (code: string) => string;
}

/** Shares of devices from which on a tile is coloured more. */
const STEPS = [0.05, 0.15] as const;

/** 0 is quiet, 3 is what the eye should land on. */
export function stepOf(counts: Counts, theme: TileTheme): number {
  const total = totalOf(counts);
  const ill = theme === 'online' ? total - counts.online : counts[theme];
  if (ill === 0) return 0;
  return 1 + STEPS.filter((share) => ill / total >= share).length;
}

/** Small counts stand as they are: 13/15, no percentage. */
function figureOf(counts: Counts, theme: TileTheme): string {
  const total = totalOf(counts);
  if (total === 0) return t('no-devices');
  if (theme === 'online') return `${formatCount(counts.online)}/${formatCount(total)}`;
  return counts[theme] === 0 ? t('none') : formatCount(counts[theme]);
}

/** All counts in words, for those who don't see colours. */
const saidOf = (counts: Counts): string =>
  `${STATES.map((state) => `${t(`state.${state}`)} ${formatCount(counts[state])}`).join(', ')}`;

interface TileProps {
  readonly area: TileArea;
  readonly theme: TileTheme;
  readonly href: string;
  readonly column: number;
  readonly row: number;
}

function Tile({ area, theme, href, column, row }: TileProps) {
  const step = stepOf(area.counts, theme);
  return (
    <li style={{ gridColumn: column, gridRow: row }}>
      <a class={`map-tile map-step-${step}`} href={href}>
        <span class="map-tile-name">{say(area.name)}</span>
        <span class="map-tile-figure number">{figureOf(area.counts, theme)}</span>
        <span class="hidden">
          {t(`state.${theme}`)} ({saidOf(area.counts)})
        </span>
        <CountsBar counts={area.counts} />
      </a>
    </li>
  );
}

/** The schematic map. Each tile is a link. */
export function TileMap({ areas, theme, href }: TileMapProps) {
  const layout = layoutOf(areas.map(({ code }) => code));
  const byCode = new Map(areas.map((area) => [area.code, area]));
  return (
    <div class="map-tiles-host">
      <ul class={layout.lake ? 'map-tiles map-tiles-lake' : 'map-tiles'}>
        {layout.places.map(({ code, column, row }) => {
          const area = byCode.get(code);
          return area === undefined ? null : (
            <Tile key={code} {...{ area, theme, column, row }} href={href(code)} />
          );
        })}
        {layout.lake && (
          <li class="map-lake" aria-hidden="true">
            <svg viewBox="0 0 30 200" preserveAspectRatio="none" aria-hidden="true">
              <path d="M2 0H30V188C22 200 8 200 4 166C-2 136 12 104 4 68C0 48 8 20 2 0z" />
            </svg>
            <span>{t('lake')}</span>
          </li>
        )}
      </ul>
      <p class="map-legend small muted">
        {([0, 1, 2, 3] as const).map((step) => (
          <span key={step} class="map-key">
            <i class={`map-swatch map-step-${step}`} />
            {theme === 'online' ? t(`share.${step}`) : t(`ill.${step}`)}
          </span>
        ))}
        <span>{t('schematic')}</span>
      </p>
    </div>
  );
}

/** Which of the states the colours tell. */
export function ThemeSwitch({
  theme,
  choose,
}: {
  theme: TileTheme;
  choose: (theme: TileTheme) => void;
}) {
  return (
    <fieldset class="segments">
      <legend class="hidden">{t('coloured')}</legend>
      {THEMES.map((one) => (
        <button key={one} type="button" aria-pressed={one === theme} onClick={() => choose(one)}>
          {t(`state.${one}`)}
        </button>
      ))}
    </fieldset>
  );
}
