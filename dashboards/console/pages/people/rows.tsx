/** People as a table, on a phone as cards. */
import type { Person } from '#kit/api/answers.ts';
import { narrow, now } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { Age } from '#kit/ui/page.tsx';
import { t } from './texts.ts';

function Marks({ person }: { person: Person }) {
  const minutes = Math.ceil(((person.lockedOutUntil ?? 0) - now.value) / 60_000);
  return (
    <>
      {person.lockedAt !== null && <span class="tag tag-bad">{t('locked')}</span>}
      {person.lockedAt === null && minutes > 0 && (
        <span class="tag tag-bad">{t('locked-out', { n: minutes })}</span>
      )}
      {person.passwordToChange && <span class="tag">{t('to-change')}</span>}
    </>
  );
}

interface RowProps {
  readonly person: Person;
  readonly edit: (person: Person) => void;
}

function EditButton({ person, edit }: RowProps) {
  return (
    <button type="button" class="button" onClick={() => edit(person)}>
      {t('edit')}
      <span class="hidden"> {person.displayName}</span>
    </button>
  );
}

function Row({ person, edit }: RowProps) {
  return (
    <tr>
      <th scope="row">
        {person.displayName} <span class="muted">{person.name}</span>
      </th>
      <td>{t(`role.${person.role}`)}</td>
      <td>{say(person.area.name)}</td>
      <td>
        <Age at={person.lastSignInAt} />
      </td>
      <td>
        <span class="person-marks">
          <Marks person={person} />
        </span>
      </td>
      <td class="right">
        <EditButton person={person} edit={edit} />
      </td>
    </tr>
  );
}

function Card({ person, edit }: RowProps) {
  return (
    <li>
      <div class="card">
        <span class="card-head">
          <b>{person.displayName}</b>
          <span>{t(`role.${person.role}`)}</span>
        </span>
        <span class="card-line">
          <span class="muted">
            {person.name} · {say(person.area.name)}
          </span>
        </span>
        <span class="card-line">
          <span class="person-marks">
            <Age at={person.lastSignInAt} />
            <Marks person={person} />
          </span>
          <EditButton person={person} edit={edit} />
        </span>
      </div>
    </li>
  );
}

export function People({ people, edit }: { people: readonly Person[]; edit: RowProps['edit'] }) {
  if (narrow.value)
    return (
      <ul class="cards">
        {people.map((person) => (
          <Card key={person.name} person={person} edit={edit} />
        ))}
      </ul>
    );
  return (
    <table class="dense">
      <thead>
        <tr>
          <th scope="col">{t('display-name')}</th>
          <th scope="col">{t('role')}</th>
          <th scope="col">{t('area')}</th>
          <th scope="col">{t('last-sign-in')}</th>
          <th scope="col">{t('state')}</th>
          <th scope="col">
            <span class="hidden">{t('edit')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {people.map((person) => (
          <Row key={person.name} person={person} edit={edit} />
        ))}
      </tbody>
    </table>
  );
}
