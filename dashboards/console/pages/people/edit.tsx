/** Changing a person: name, role and area; another password; locking; removing. What others did meanwhile is told. */
import { useState } from 'preact/hooks';
import type { Person } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { asApiError } from '#kit/load.ts';
import { client, user } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { Modal } from '#kit/ui/modal.tsx';
import { Handed } from './add.tsx';
import { fieldsOf, present, save, whyNot } from './changes.ts';
import { PersonFields } from './fields.tsx';
import { makePassword } from './password.ts';
import { t } from './texts.ts';

type Asked = 'remove' | 'reset' | 'lock' | 'less';

interface State {
  readonly busy: boolean;
  readonly fault: string | null;
  /** How the person is by now, when somebody else has changed it. */
  readonly other: Person | null;
  /** What is to be confirmed. */
  readonly asked: Asked | null;
  readonly password: string | null;
}

const IDLE: State = { busy: false, fault: null, other: null, asked: null, password: null };

/** What can be done to the person, each at the revision that is on the page. */
function useChanges(first: Person, close: () => void, changed: (what: string) => void) {
  const [person, setPerson] = useState(first);
  const [fields, setFields] = useState(fieldsOf(first));
  const [state, setState] = useState(IDLE);
  async function run(work: () => Promise<void>): Promise<void> {
    setState({ ...IDLE, busy: true });
    try {
      await work();
    } catch (cause) {
      const error = asApiError(cause);
      const other =
        error.code === 'changed-meanwhile' ? await present(person.name).catch(() => null) : null;
      setState({ ...IDLE, fault: whyNot(error), other });
    }
  }
  const tell = (what: string): void => {
    changed(what);
    close();
  };
  const shown = { name: person.displayName };
  return {
    person,
    fields,
    state,
    put: (change: Partial<typeof fields>) => setFields((before) => ({ ...before, ...change })),
    ask: (asked: Asked | null) => setState({ ...IDLE, asked }),
    /** Takes what the other has made of it. */
    take: (other: Person) => {
      setPerson(other);
      setFields(fieldsOf(other));
      setState(IDLE);
      changed('');
    },
    save: () =>
      run(async () => {
        await save(person.name, person.revision, fields);
        tell(t('saved', { name: fields.displayName }));
      }),
    reset: () =>
      run(async () => {
        const password = makePassword();
        await save(person.name, person.revision, fieldsOf(person), { password });
        changed('');
        setState({ ...IDLE, password });
      }),
    lock: (locked: boolean) =>
      run(async () => {
        await save(person.name, person.revision, fieldsOf(person), { locked });
        tell(t(locked ? 'locked-now' : 'unlocked-now', shown));
      }),
    remove: () =>
      run(async () => {
        const query = { revision: person.revision };
        await client.call(calls.removeUser, { params: { name: person.name }, query });
        tell(t('removed', shown));
      }),
  };
}

type Changes = ReturnType<typeof useChanges>;

/** What somebody else made of the person, and taking it over. */
function Other({ other, take }: { other: Person; take: (other: Person) => void }) {
  return (
    <p class="person-other">
      <span>
        {t('by-now', {
          name: other.displayName,
          role: t(`role.${other.role}`),
          area: say(other.area.name),
        })}
      </span>
      <button type="button" class="button" onClick={() => take(other)}>
        {t('take-over')}
      </button>
    </p>
  );
}

function Confirm({ asked, changes }: { asked: Asked; changes: Changes }) {
  const { person, ask } = changes;
  const go = {
    remove: changes.remove,
    reset: changes.reset,
    lock: () => changes.lock(true),
    less: changes.save,
  }[asked];
  return (
    <div role="alert">
      <p>{t(`sure.${asked}`, { name: person.displayName })}</p>
      <p class="dialog-foot">
        <button type="button" class="button" onClick={() => ask(null)}>
          {t('cancel')}
        </button>
        <button type="button" class="button primary" onClick={() => void go()}>
          {t(`do.${asked}`)}
        </button>
      </p>
    </div>
  );
}

/** What can be done besides; nobody locks or removes themselves. */
function Deeds({ changes }: { changes: Changes }) {
  const { person, ask, lock } = changes;
  const own = person.name === user.value?.name;
  const shut = person.lockedAt !== null || person.lockedOutUntil !== null;
  if (own) return <p class="muted small">{t('own')}</p>;
  return (
    <p class="person-deeds">
      <button type="button" class="button" onClick={() => ask('reset')}>
        {t('do.reset')}
      </button>
      <button type="button" class="button" onClick={() => (shut ? void lock(false) : ask('lock'))}>
        {t(shut ? 'unlock' : 'do.lock')}
      </button>
      <button type="button" class="button text-offline" onClick={() => ask('remove')}>
        {t('do.remove')}
      </button>
    </p>
  );
}

function Form({ changes, close }: { changes: Changes; close: () => void }) {
  const { person, fields, state } = changes;
  const less =
    person.name === user.value?.name &&
    (fields.role !== person.role || fields.area !== person.area.code);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (less) changes.ask('less');
        else void changes.save();
      }}
      aria-busy={state.busy}
    >
      <fieldset class="dialog-fields" disabled={state.busy}>
        <PersonFields key={person.revision} fields={fields} put={changes.put} />
      </fieldset>
      {state.fault !== null && (
        <p class="form-error" role="alert">
          {state.fault}
        </p>
      )}
      {state.other !== null && <Other other={state.other} take={changes.take} />}
      <p class="dialog-foot">
        <button type="button" class="button" onClick={close}>
          {t('cancel')}
        </button>
        <button type="submit" class="button primary" disabled={state.busy}>
          {t('save')}
        </button>
      </p>
      <Deeds changes={changes} />
    </form>
  );
}

export function Edit({
  person: first,
  close,
  changed,
}: {
  person: Person;
  close: () => void;
  /** Something was done: what to tell, if anything. */
  changed: (what: string) => void;
}) {
  const changes = useChanges(first, close, changed);
  const { state, person } = changes;
  return (
    <Modal
      title={`${first.displayName} · ${first.name}`}
      close={close}
      held={state.busy || state.password !== null}
    >
      {state.password !== null ? (
        <Handed name={person.name} password={state.password} close={close} />
      ) : state.asked !== null ? (
        <Confirm asked={state.asked} changes={changes} />
      ) : (
        <Form changes={changes} close={close} />
      )}
    </Modal>
  );
}
