/** The fields that adding and changing a person share. */
import { ROLES } from '#kit/api/calls.ts';
import { AreaChoice } from '#kit/places/area-choice.tsx';
import type { Fields, Role } from './changes.ts';
import { t } from './texts.ts';

export function PersonFields({
  fields,
  put,
}: {
  fields: Fields;
  put: (change: Partial<Fields>) => void;
}) {
  return (
    <>
      <label>
        {t('display-name')}
        <input
          value={fields.displayName}
          required
          maxLength={200}
          autocomplete="off"
          onInput={(event) => put({ displayName: event.currentTarget.value })}
        />
      </label>
      <label>
        {t('role')}
        <select
          value={fields.role}
          onChange={(event) => put({ role: event.currentTarget.value as Role })}
        >
          {ROLES.map((role) => (
            <option key={role} value={role}>
              {t(`role.${role}`)}
            </option>
          ))}
        </select>
        <span class="muted small">{t(`explain.${fields.role}`)}</span>
      </label>
      <AreaChoice
        name="area"
        label={t('area')}
        chosen={fields.area}
        choose={(area) => put({ area })}
      />
    </>
  );
}
