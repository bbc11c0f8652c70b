/** Switches that stand in several places: language and theme. */
import { THEMES, theme } from '../state.ts';
import { language, t } from '../text/language.ts';

/** Chinese or English. */
export function LanguageSwitch() {
  return (
    <fieldset class="segments">
      <legend class="hidden">{t('switch.language')}</legend>
      {(['zh', 'en'] as const).map((code) => (
        <button
          key={code}
          type="button"
          lang={code === 'zh' ? 'zh-CN' : 'en'}
          aria-pressed={language.value === code}
          onClick={() => {
            language.value = code;
          }}
        >
          {code === 'zh' ? '中文' : 'English'}
        </button>
      ))}
    </fieldset>
  );
}

/** As the system, light or dark. */
export function ThemeSwitch() {
  return (
    <fieldset class="segments">
      <legend class="hidden">{t('switch.theme')}</legend>
      {THEMES.map((name) => (
        <button
          key={name}
          type="button"
          aria-pressed={theme.value === name}
          onClick={() => {
            theme.value = name;
          }}
        >
          {t(`theme.${name}`)}
        </button>
      ))}
    </fieldset>
  );
}
