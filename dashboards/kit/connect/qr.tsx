/** A QR code, whose library is fetched when the first one is shown. */
import { useEffect, useState } from 'preact/hooks';
import { t } from './texts.ts';

interface Drawn {
  readonly size: number;
  readonly path: string;
}

/** The code of a text as one path of an SVG: a square for each dark module. */
async function draw(text: string): Promise<Drawn> {
  const { generate } = await import('lean-qr');
  const code = generate(text);
  const parts: string[] = [];
  for (let y = 0; y < code.size; y++)
    for (let x = 0; x < code.size; x++) if (code.get(x, y)) parts.push(`M${x} ${y}h1v1h-1z`);
  return { size: code.size, path: parts.join('') };
}

/** Light around it is part of the code: four modules. */
const QUIET = 4;

export function QrCode({ text }: { text: string }) {
  const [drawn, setDrawn] = useState<Drawn | 'failed' | null>(null);
  useEffect(() => {
    let left = false;
    draw(text)
      .then((code) => {
        if (!left) setDrawn(code);
      })
      .catch(() => {
        // Its file could not be fetched: the page says so, and the text stands beside.
        if (!left) setDrawn('failed');
      });
    return () => {
      left = true;
    };
  }, [text]);
  if (drawn === 'failed') return <p class="muted small">{t('qr.failed')}</p>;
  if (drawn === null) return <div class="qr" />;
  const side = drawn.size + 2 * QUIET;
  return (
    <svg
      class="qr"
      viewBox={`${-QUIET} ${-QUIET} ${side} ${side}`}
      role="img"
      aria-label={t('qr')}
      shapeRendering="crispEdges"
    >
      <path d={drawn.path} />
    </svg>
  );
}
