/** Answers of the stand-in to a file: a question of its encoding first, then faults, or what was added. */
import type * as api from '@village/api';
import type { Static } from 'typebox';

type Imported = Static<typeof api.shapes.Imported>;

const NONE = { created: 0, updated: 0, credentials: [], faults: [] } satisfies Imported;

export function importAnswer(encoding: string | null): { status: number; body: Imported } {
  if (encoding === 'gb18030')
    return {
      status: 200,
      body: {
        ...NONE,
        created: 2,
        credentials: [{ id: 'bin-201', username: 'bin-201', secret: 'x8Kq2mV5rT9wY3zA7bC1dE' }],
      },
    };
  if (encoding !== null)
    return {
      status: 422,
      body: {
        ...NONE,
        rows: [
          {
            line: 2,
            cells: {
              ...{ id: 'bin-201', name: 'Сѧ', profile: 'village/smart-bin', area: '330522100201' },
              ...{ gateway: '', address: 'HB20-000117', longitude: '119.912', latitude: '31.021' },
              ...{ options: '', clock: '' },
            },
          },
        ],
        faults: [
          {
            line: 2,
            column: 'area',
            cell: 'D2',
            message: 'is no area of yours',
            zh: '不是您的区域',
          },
          {
            line: 7,
            column: '',
            message: 'has 2 cells, the row of headings has 10',
            zh: '只有 2 个单元格，标题行有 10 个',
          },
        ],
      },
    };
  const rest = ',village/smart-bin,330522100201,,HB20-000117,119.912,31.021,,';
  return {
    status: 422,
    body: {
      ...NONE,
      faults: [{ line: 2, column: '', message: 'fits two encodings', zh: '按两种编码都读得通' }],
      readings: [
        { encoding: 'utf-8', lines: [{ line: 2, text: `bin-201,Сѧ${rest}` }] },
        { encoding: 'gb18030', lines: [{ line: 2, text: `bin-201,小学${rest}` }] },
      ],
    },
  };
}
