/** What is wrong with a file of borders: each fault with its feature, area and place in the file. */
import type { GeometryImported } from '#kit/api/answers.ts';
import { language } from '#kit/text/language.ts';
import { t } from './texts.ts';

/** As many as the server tells. */
const TOLD_MAX = 100;

export function Faults({ name, faults }: { name: string; faults: GeometryImported['faults'] }) {
  return (
    <section class="panel" aria-labelledby="borders-faults">
      <h2 id="borders-faults" role="alert">
        {t('faults', { name, n: faults.length })}
      </h2>
      {faults.length === TOLD_MAX && (
        <p class="muted small pad">{t('faults-more', { n: TOLD_MAX })}</p>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is moved with the keys */}
      <section class="borders-table" aria-labelledby="borders-faults" tabIndex={0}>
        <table class="dense">
          <thead>
            <tr>
              <th class="right">{t('feature')}</th>
              <th>{t('area')}</th>
              <th>{t('fault')}</th>
              <th>{t('place')}</th>
            </tr>
          </thead>
          <tbody>
            {faults.map((fault, n) => (
              <tr key={n}>
                <td class="right number">{fault.feature ?? t('whole-file')}</td>
                <td>{fault.area}</td>
                <td class="text-offline">{language.value === 'zh' ? fault.zh : fault.message}</td>
                <td>
                  <code>{fault.path}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}
