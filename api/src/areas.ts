/** Counties, townships and villages. */
import { MINUTE } from '@village/core';
import { type Static, Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import {
  AreaRef,
  Code,
  Counts,
  DESCRIBE_NOTES,
  EncodingWord,
  End,
  exactly,
  Imported,
  Instant,
  Label,
  LevelWord,
  orNull,
  Problem,
  Properties,
  PropertiesChange,
  page,
  pageQuery,
  SHEET_TYPES,
  Sheet,
  words,
} from './shapes.ts';

export const Area = Type.Object({
  code: Type.String(),
  level: LevelWord,
  name: Label,
  parent: orNull(Type.String()),
  path: Type.Array(AreaRef),
  counts: Counts,
  ...End.properties,
});
export type Area = Static<typeof Area>;

export const list = endpoint({
  method: 'GET',
  path: '/areas',
  right: 'areas.read',
  summary: 'The areas that the caller sees',
  notes: 'Parents first. Those retired are there with `state=retired`, alone, or `state=all` only',
  tags: ['areas'],
  query: pageQuery({
    level: Type.Optional(LevelWord),
    parent: Type.Optional(Code),
    state: Type.Optional(words(['in-service', 'retired', 'all'])),
  }),
  answers: { 200: page(Area) },
});

export const get = endpoint({
  method: 'GET',
  path: '/areas/{code}',
  right: 'areas.read',
  summary: 'One area, also one that is retired',
  tags: ['areas'],
  params: exactly({ code: Code }),
  answers: { 200: Area, 404: Problem },
});

export const properties = endpoint({
  method: 'GET',
  path: '/areas/{code}/properties',
  right: 'areas.read',
  summary: 'Labels and attributes of an area',
  notes: 'All that ever held, or with `at` what held then',
  tags: ['areas'],
  params: exactly({ code: Code }),
  query: exactly({ at: Type.Optional(Instant) }),
  answers: { 200: Properties, 404: Problem },
});

export const describe = endpoint({
  method: 'PUT',
  path: '/areas/{code}/properties',
  right: 'areas.import',
  summary: 'Says labels and attributes of an area from a time on',
  notes: DESCRIBE_NOTES,
  tags: ['areas'],
  params: exactly({ code: Code }),
  body: PropertiesChange,
  answers: { 200: Properties, 404: Problem, 409: Problem, 422: Problem },
});

export const importFile = endpoint({
  method: 'POST',
  path: '/areas/import',
  right: 'areas.import',
  summary: 'Adds and changes areas from a file',
  notes:
    'Columns `code,level,zh,en,parent,aliases,validFrom,validTo`, at most 20 aliases with `|` between; otherwise as `devices/import`',
  tags: ['areas'],
  consumes: SHEET_TYPES,
  bodyBytesMax: 20 * 1024 * 1024,
  answerMs: 10 * MINUTE,
  query: exactly({ encoding: Type.Optional(EncodingWord) }),
  body: Sheet,
  answers: { 200: Imported, 422: Imported },
});
